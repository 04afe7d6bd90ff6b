// The kernel that runs this test keeps the contract that the fake one is built to, as far as it has what a case needs.
import { afterAll, describe } from 'vitest';
import { kernelContract } from '../src/testing/index.ts';
import { CleanedNamespace } from './cleaned-namespace.ts';
import { kernelFeatures } from './kernel-features.ts';
import { needsRoot } from './scratch-namespace.ts';

const namespace = new CleanedNamespace(`contract-${process.pid}`);
afterAll(() => namespace.close());

describe.skipIf(needsRoot)('this kernel', () => {
  kernelContract({ open: namespace.open, features: kernelFeatures, namesAttributes: true });
});
