// The error of this package. Owns the reasons for which the control plane refuses a request as a whole.

/**
 * `unknown-vpn`: no VPN of that name is configured. `not-authorised`: the forwarder may not join the VPN.
 * `not-subscribed`: the request needs a subscription.
 */
export type RouteServerErrorCode = 'unknown-vpn' | 'not-authorised' | 'not-subscribed';

export class RouteServerError extends Error {
  override readonly name = 'RouteServerError';
  readonly code: RouteServerErrorCode;

  constructor(code: RouteServerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
