// The route server as the executable uses it: its configuration to check, and the daemon to run.
export type { RouteServerConfig } from './config.ts';
export { routeServerConfigSchema } from './config.ts';
export type { RunningRouteServer } from './server.ts';
export { startRouteServer } from './server.ts';
