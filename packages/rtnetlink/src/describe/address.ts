// Addresses and neighbours in the words of `ip address` and `ip neighbour`.
import type { Address, Neighbour } from '../objects.ts';
import { device, pair, type Word } from './words.ts';

export function addressWords(address: Address): Word[] {
  const { address: local, peer, prefixLength } = address;
  return [
    ...(peer === undefined ? [`${local}/${prefixLength}`] : [local, 'peer', `${peer}/${prefixLength}`]),
    device(address.index),
    address.noDad && 'nodad',
    address.dadFailed && 'dadfailed',
  ];
}

export function neighbourWords(neighbour: Neighbour): Word[] {
  return [
    neighbour.address,
    ...pair('lladdr', neighbour.linkLayerAddress),
    device(neighbour.index),
    'nud',
    neighbour.state,
    neighbour.router && 'router',
    neighbour.externallyLearned && 'extern_learn',
    ...pair('proto', neighbour.protocol),
  ];
}
