import { expect, it } from 'vitest';

import { copyNameProblem } from './names';

it.each([
  ['restart-service-own', null],
  ['größe_2.x', null],
  ['', 'needed'],
  ['.hidden', 'begins'],
  ['../up', 'begins'],
  ['a/b', 'letters'],
  ['a b', 'letters'],
  ['a'.repeat(254), 'at most'],
  ['taken', 'already'],
])('the name %j of a copy is judged as the console judges it', (name, problem) => {
  const found = copyNameProblem(name, ['taken']);
  if (problem === null) expect(found).toBeNull();
  else expect(found).toContain(problem);
});
