// The control socket: what operators' commands ask and tell the forwarder, checked here.
import type { ApiOptions } from '@hostpe/daemon';
import { ApiError } from '@hostpe/daemon';
import { type IpPrefix, NetError, parseIpPrefix } from '@hostpe/net';
import { attachmentSchema } from './attachments.ts';
import type { ForwarderErrorCode } from './errors.ts';
import { ForwarderError } from './errors.ts';
import type { Forwarder } from './forwarder.ts';
import { attachmentViews, routeViews, sessionViews, statusView, vpnViews } from './views.ts';

/** HTTP status by error code. */
const statuses: Readonly<Record<ForwarderErrorCode, number>> = {
  'attachment-invalid': 400,
  'attachment-exists': 409,
  'attachment-unknown': 404,
  'attachment-configured': 409,
  'labels-exhausted': 507,
  'instance-ids-exhausted': 507,
  'kernel-features': 500,
};

/** @throws ApiError */
function prefixOf(text: string): IpPrefix {
  try {
    return parseIpPrefix(text);
  } catch (error) {
    if (error instanceof NetError) throw new ApiError(400, `prefix: ${error.message}`);
    throw error;
  }
}

/** The routes of the control socket, for serveApi. */
export function apiRoutes(forwarder: Forwarder): ApiOptions['routes'] {
  return {
    'GET /status': async () => statusView(forwarder),
    'GET /attachments': async () => attachmentViews(forwarder),
    'GET /vpns': async () => vpnViews(forwarder),
    'GET /sessions': async () => sessionViews(forwarder),
    'GET /drops': async () => forwarder.drops(),
    'GET /diff': async () => {
      const difference = await forwarder.diff();
      if (difference === undefined)
        throw new ApiError(503, 'the forwarder is starting: try again in a moment');
      return difference;
    },
    'GET /routes': async (_body: unknown, { vpn, prefix }: Readonly<Record<string, string>>) => {
      const routes = routeViews(forwarder, vpn);
      if (routes === undefined) throw new ApiError(404, `VPN ${vpn}: nothing is attached to it on this host`);
      if (prefix === undefined) return routes;
      const only = prefixOf(prefix);
      return routes.filter((route) => route.prefix === only);
    },
    'POST /attachments': async (body: unknown) => {
      const read = attachmentSchema.safeParse(body);
      if (!read.success)
        throw new ApiError(
          400,
          read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'),
        );
      await changed(forwarder, () => forwarder.attach(read.data));
      return attachmentViews(forwarder).find((view) => view.interface === read.data.interface);
    },
    'DELETE /attachments/:interface': async (
      _body: unknown,
      { interface: name = '' }: Readonly<Record<string, string>>,
    ) => {
      await changed(forwarder, () => forwarder.detach(name));
      return { detached: name };
    },
  };
}

async function changed(forwarder: Forwarder, change: () => Promise<void>): Promise<void> {
  if (!forwarder.isStarted) throw new ApiError(503, 'the forwarder is starting: try again in a moment');
  try {
    await change();
  } catch (error) {
    if (!(error instanceof ForwarderError)) throw error;
    throw new ApiError(statuses[error.code], error.message);
  }
}
