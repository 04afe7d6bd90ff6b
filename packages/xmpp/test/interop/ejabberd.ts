// ejabberd as a peer: an XMPP server in Erlang.
import { globSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOMAIN, PASSWORD, type Setting } from '../support/setting.ts';
import { ACCOUNTS, type Broker, DIRECT_PORT, OTHER_DOMAIN, STARTTLS_PORT } from './broker.ts';
import { ownAddress, PeerProcess, peerFolder, unpacked } from './peer-process.ts';

export async function startEjabberd(setting: Setting): Promise<Broker> {
  const root = unpacked('usr/lib/erlang');
  const address = ownAddress();
  const folder = peerFolder('ejabberd');
  const file = (name: string) => join(folder, name);
  writeFileSync(file('ca.pem'), setting.ca.certificate);
  writeFileSync(file('server.pem'), setting.leaf.certificate + setting.leaf.key);
  writeFileSync(file('ejabberd.yml'), configuration(folder, address));
  const register = ACCOUNTS.map(
    (account) => `ok = ejabberd_auth:try_register(<<"${account}">>, <<"${DOMAIN}">>, <<"${PASSWORD}">>)`,
  );

  // As `erl` starts it, which is of no use here: it knows one place only. Without a node name, so without epmd.
  const [binaries = ''] = globSync('erts-*/bin', { cwd: root });
  const process = new PeerProcess(
    [
      join(root, binaries, 'erlexec'),
      ...['-noinput', '-mnesia', 'dir', `"${file('mnesia')}"`, '-s', 'ejabberd'],
      ...['-eval', `${register.join(', ')}, io:format("all registered~n").`],
    ],
    folder,
    {
      ROOTDIR: root,
      BINDIR: join(root, binaries),
      EMU: 'beam',
      PROGNAME: 'erl',
      ERL_LIBS: unpacked('usr/lib/x86_64-linux-gnu'),
      ERL_CRASH_DUMP_SECONDS: '0',
      EJABBERD_CONFIG_PATH: file('ejabberd.yml'),
      EJABBERD_LOG_PATH: file('ejabberd.log'),
    },
  );
  await process.says('all registered');
  for (const port of [STARTTLS_PORT, DIRECT_PORT]) await process.says(`${address}:${port} for ejabberd_c2s`);
  return { address, process };
}

/** It pings a client after a second of silence, and ends the session of one that does not answer. */
function configuration(folder: string, address: string): string {
  const listener = (port: number, tls: string) => `
  - port: ${port}
    ip: ${address}
    module: ejabberd_c2s
    ${tls}: true
    tls_verify: true
    cafile: "${folder}/ca.pem"`;
  return `
hosts: [${DOMAIN}, ${OTHER_DOMAIN}]
loglevel: debug
certfiles: ["${folder}/server.pem"]
auth_method: internal
auth_password_format: scram
auth_scram_hash: sha256
listen:${listener(DIRECT_PORT, 'tls')}${listener(STARTTLS_PORT, 'starttls_required')}
modules:
  mod_ping:
    send_pings: true
    ping_interval: 1
    timeout_action: kill
`;
}
