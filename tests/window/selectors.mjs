// Every selector that the walk uses, in one place: when the window's markup changes, this file does.

const id = (name) => `[data-testid="${name}"]`;

export const rail = (place) => id(`nav-${place}`);

export const frame = {
  connection: id('connection'),
  demo: id('demo'),
  palette: id('palette'),
  paletteField: id('palette-input'),
};

export const fleet = { matrix: id('fleet-matrix'), cell: (host) => id(`cell-${host}`), drawer: id('drawer') };

export const runbooks = {
  row: (name) => id(`runbook-row-${name}`),
  anyRow: '[data-testid^="runbook-row-"]',
  page: id('runbook-page'),
  plan: id('plan-open'),
  search: id('runbook-search'),
  edit: id('runbook-edit'),
  copy: id('runbook-copy'),
  copyName: id('copy-name'),
  copyMake: id('copy-make'),
};

export const plan = {
  page: id('plan'),
  problems: id('plan-problems'),
  input: (name) => id(`input-${name}`),
  selection: id('selection-input'),
  selected: id('selected'),
  earlier: id('plan-earlier'),
  hosts: id('plan-hosts'),
  changes: id('plan-changes'),
  digest: id('plan-digest'),
  typeToStart: id('type-to-start'),
  start: id('plan-start'),
  whenReachable: id('when-reachable'),
  waits: id('plan-waits'),
};

export const editor = {
  host: id('editor'),
  state: id('editor-state'),
  findings: id('findings'),
  liveErrors: id('live-errors'),
  finding: '[data-testid^="finding-"]',
  explain: '[data-testid^="explain-"]',
  page: id('code-page'),
};

export const run = {
  matrix: id('run-matrix'),
  status: id('run-status'),
  output: id('run-output'),
  undo: id('run-undo'),
  resume: id('run-resume'),
  cancel: id('run-cancel'),
  difference: id('output-difference'),
  record: id('run-record'),
  decisions: id('run-decisions'),
  pace: id('run-pace'),
};

export const cancel = {
  panel: id('cancel-panel'),
  degree: (name) => id(`cancel-${name}`),
  why: id('cancel-why'),
  confirm: id('cancel-confirm'),
};

export const question = {
  any: id('question'),
  hosts: id('question-hosts'),
  answer: (name) => id(`answer-${name}`),
  why: id('answer-why'),
  confirm: id('answer-confirm'),
};

export const resume = { choices: id('resume-choices'), part: (name) => id(`resume-${name}`) };

export const waiting = { list: id('waiting'), any: '[data-testid="waiting"] li[data-state="waiting"]' };

export const touched = { ask: id('touched-ask'), any: id('touch') };

export const recovered = { panel: id('recovered'), putAside: id('recovered-dismiss') };

export const runs = {
  place: '[data-testid^="run-row-"]',
  active: '[aria-label="Active runs"]',
  activeRow: '[aria-label="Active runs"] [data-testid^="run-row-"]',
};

export const history = { row: (run) => id(`history-row-${run}`), anyRow: '[data-testid^="history-row-"]' };

export const settings = { theme: id('theme-select'), save: id('settings-save') };
