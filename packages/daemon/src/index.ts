export { callApi } from './api-client.ts';
export type { ApiHandler, ApiOptions } from './api-server.ts';
export { serveApi } from './api-server.ts';
export type { Clock } from './clock.ts';
export { systemClock } from './clock.ts';
export { loadConfig } from './config.ts';
export type { ConfigProblem, ControlSocketErrorCode } from './errors.ts';
export { ApiError, ConfigError, ControlSocketError, MetricsError, StateFileError } from './errors.ts';
export { readSecret, readText } from './files.ts';
export type { Log, LogOptions } from './log.ts';
export { createLog } from './log.ts';
// What serves them is in '@hostpe/daemon/metrics': its library is loaded where metrics are asked for.
export type { Metric, MetricsListener, MetricValues } from './metrics.ts';
export type { DaemonOptions } from './run.ts';
export { ExitCode, runDaemon } from './run.ts';
export type { Kept } from './state-file.ts';
export { StateFile } from './state-file.ts';
