// The VPN Forwarder as the executable starts it.
export { defaultControlSocket } from './config.ts';
export { loadForwarderConfig, startForwarder } from './start.ts';
