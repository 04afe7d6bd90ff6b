export type { ContractKernel, Feature, OpenKernel } from './contract/scene.ts';
export { everyFeature } from './contract/scene.ts';
export { FakeKernel } from './fake-kernel.ts';
export { kernelContract } from './kernel-contract.ts';
