// A worker that has an accident at the first message.
import { parentPort } from 'node:worker_threads';

parentPort?.on('message', () => {
  throw new Error('the accident');
});
parentPort?.postMessage({ kind: 'ready' });
