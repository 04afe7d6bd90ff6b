// How the tables of the fake kernel say no: with the errno and the words of the real kernel.
import { RtnetlinkError } from '../errors.ts';

/**
 * @param errno symbolic, such as `EEXIST`.
 * @param kernelMessage the extended acknowledgement, where the kernel sends one.
 * @throws RtnetlinkError `kernel`, always; whoever knows the request puts it in front of the message.
 */
export function refuse(errno: string, kernelMessage?: string): never {
  throw refusal(errno, kernelMessage);
}

export function refusal(errno: string, kernelMessage?: string, request?: string): RtnetlinkError {
  const words = kernelMessage === undefined ? errno : `${errno} (${kernelMessage})`;
  return new RtnetlinkError('kernel', request === undefined ? words : `${request}: ${words}`, {
    errno,
    ...(kernelMessage === undefined ? {} : { kernelMessage }),
  });
}
