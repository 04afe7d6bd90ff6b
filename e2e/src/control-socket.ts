// Asks a daemon over its control socket as the operator's commands do, without starting one: a look that is repeated must be cheap.
import { request } from 'node:http';

/** @returns the daemon's answer to GET. @throws Error when it is not running or refuses. */
export function ask(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(body));
        else reject(new Error(`GET ${path}: ${response.statusCode} ${body}`));
      });
      response.on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
