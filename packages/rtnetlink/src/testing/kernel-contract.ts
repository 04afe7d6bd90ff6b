// The contract of the kernel: what the reconciler relies on, as one suite of tests that the fake kernel and the real one both
// have to pass. Where they differ the real kernel is right.
import { describe } from 'vitest';
import { addressCases } from './contract/addresses.ts';
import { doorCases } from './contract/door.ts';
import { firstVrfCase, forwardingCases } from './contract/forwarding.ts';
import { labelCases } from './contract/label-routes.ts';
import { linkKindCases } from './contract/link-kinds.ts';
import { linkCases } from './contract/links.ts';
import { neighbourCases } from './contract/neighbours.ts';
import { nexthopCases } from './contract/nexthops.ts';
import { pathCases } from './contract/paths.ts';
import { routeCases } from './contract/routes.ts';
import type { ContractOptions } from './contract/scene.ts';
import { casesOn } from './contract/scene.ts';

/** Declares the suite; to be called in a test file. */
export function kernelContract(options: ContractOptions): void {
  const test = casesOn(options);
  describe('the first VRF', () => firstVrfCase(test));
  describe('links', () => linkCases(test));
  describe('kinds of links', () => linkKindCases(test));
  describe('addresses', () => addressCases(test));
  describe('neighbours', () => neighbourCases(test));
  describe('nexthops', () => nexthopCases(test));
  describe('routes', () => routeCases(test));
  describe('paths of routes', () => pathCases(test));
  describe('label routes', () => labelCases(test));
  describe('rules, traffic control, ports and sysctls', () => forwardingCases(test));
  describe('the door', () => doorCases(test));
}
