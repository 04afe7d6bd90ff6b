// Prosody as a peer: an XMPP server in Lua.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DOMAIN, PASSWORD, type Setting } from '../support/setting.ts';
import { ACCOUNTS, type Broker, DIRECT_PORT, OTHER_DOMAIN, STARTTLS_PORT } from './broker.ts';
import { ownAddress, PeerProcess, peerFolder, unpacked } from './peer-process.ts';

/** Prosody answers pings and sends none: this module of ours sends one to each client that binds a resource. */
const PING_MODULE = `
local st = require "util.stanza";
module:hook("resource-bind", function (event)
  local session = event.session;
  local ping = st.iq({ type = "get", id = "ping-from-server", from = module.host, to = session.full_jid })
    :tag("ping", { xmlns = "urn:xmpp:ping" });
  module:send_iq(ping, session):next(
    function () module:log("info", "%s answered a ping", session.full_jid); end,
    function (why) module:log("error", "%s did not answer a ping: %s", session.full_jid, why); end);
end);
`;

export async function startProsody(setting: Setting): Promise<Broker> {
  const sources = unpacked('usr/lib/prosody');
  const address = ownAddress();
  const folder = peerFolder('prosody');
  const file = (name: string) => join(folder, name);
  const accounts = file(`data/${DOMAIN.replaceAll('.', '%2e')}/accounts`);
  mkdirSync(accounts, { recursive: true });
  for (const account of ACCOUNTS)
    writeFileSync(join(accounts, `${account}.dat`), `return { password = ${JSON.stringify(PASSWORD)} };`);
  mkdirSync(file('modules'));
  writeFileSync(file('modules/mod_ping_clients.lua'), PING_MODULE);
  writeFileSync(file('ca.pem'), setting.ca.certificate);
  writeFileSync(file('server.pem'), setting.leaf.certificate);
  writeFileSync(file('server.key'), setting.leaf.key);
  writeFileSync(file('prosody.cfg.lua'), configuration(folder, address));
  // Where it looks for its own parts is written into the program.
  const program = readFileSync(unpacked('usr/bin/prosody'), 'utf8');
  writeFileSync(file('prosody.lua'), program.replaceAll("'/usr/lib/prosody", `'${sources}`));

  const lua = unpacked('usr/share/lua/5.4');
  const command = [unpacked('usr/bin/lua5.4'), file('prosody.lua'), '--config', file('prosody.cfg.lua')];
  const process = new PeerProcess(command, folder, {
    LUA_PATH: `${lua}/?.lua;${lua}/?/init.lua`,
    LUA_CPATH: `${unpacked('usr/lib/x86_64-linux-gnu/lua/5.4')}/?.so;${sources}/?.so`,
  });
  for (const port of [STARTTLS_PORT, DIRECT_PORT]) await process.says(`on [${address}]:${port}`);
  return { address, process };
}

function configuration(folder: string, address: string): string {
  return `
run_as_root = true
daemonize = false
pidfile = "${folder}/pid"
data_path = "${folder}/data"
plugin_paths = { "${folder}/modules" }
log = { debug = "*console" }
modules_enabled = { "saslauth", "tls", "ping", "ping_clients", "stanza_debug" }
modules_disabled = { "s2s", "offline" }
authentication = "internal_hashed"
password_hash = "SHA-256"
c2s_require_encryption = true
interfaces = { "${address}" }
c2s_ports = { ${STARTTLS_PORT} }
c2s_direct_tls_ports = { ${DIRECT_PORT} }
ssl = {
  certificate = "${folder}/server.pem";
  key = "${folder}/server.key";
  cafile = "${folder}/ca.pem";
}
VirtualHost "${DOMAIN}"
VirtualHost "${OTHER_DOMAIN}"
`;
}
