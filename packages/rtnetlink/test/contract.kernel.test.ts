// The kernel of the lab, which has everything, keeps the contract that the fake one is built to.
import { afterAll } from 'vitest';
import { everyFeature, kernelContract } from '../src/testing/index.ts';
import { CleanedNamespace } from './cleaned-namespace.ts';

const namespace = new CleanedNamespace(`contract-${process.pid}`);
afterAll(() => namespace.close());

kernelContract({ open: namespace.open, features: async () => everyFeature, namesAttributes: true });
