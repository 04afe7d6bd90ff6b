export type { ContractKernel, OpenKernel } from './contract/scene.ts';
export { FakeKernel } from './fake-kernel.ts';
export { kernelContract } from './kernel-contract.ts';
