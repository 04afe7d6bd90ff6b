/** Reads the kernel's modules.dep (modules.dep(5)). Pure: text in, paths out. */

/**
 * The files to load for `names`, each after what it depends on. Names that are not in the file are built into the
 * kernel, and left out.
 */
export function loadOrder(modulesDep: string, names: readonly string[]): string[] {
  const byName = new Map<string, { path: string; dependencies: string[] }>();
  for (const line of modulesDep.split('\n')) {
    const colon = line.indexOf(':');
    if (colon === -1) continue;
    const path = line.slice(0, colon);
    byName.set(moduleName(path), {
      path,
      dependencies: line
        .slice(colon + 1)
        .split(' ')
        .filter(Boolean),
    });
  }
  const order = new Set<string>();
  for (const name of names) {
    const found = byName.get(name);
    if (found === undefined) continue;
    // modules.dep lists all dependencies, those nearest to the module first.
    for (const dependency of found.dependencies.toReversed()) order.add(dependency);
    order.add(found.path);
  }
  return [...order];
}

function moduleName(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.ko(\.\w+)?$/, '').replaceAll('-', '_');
}
