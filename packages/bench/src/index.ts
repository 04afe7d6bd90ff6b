// What benchmarks tell, the same for all of them. For benchmarks only: no source of a daemon imports it.
export { type Figure, figure, formatTable, limitFigure, plainFigure, writeFigures } from './figures.ts';
