// As model.test.ts, with events that fall into the midst of passes.
import { randomEvents } from './model/suite.ts';

randomEvents(2, 30);
