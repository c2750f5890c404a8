// A small cut of the schema that `daytwo schema` prints, in its form.

const text = (description: string) => ({ type: 'string', description });

export const schema = {
  title: 'Runbook',
  $ref: '#/$defs/runbook',
  $defs: {
    runbook: {
      type: 'object',
      additionalProperties: false,
      required: ['runbook', 'title', 'steps'],
      properties: {
        runbook: text('Its name, which is also the name of its file without `.yaml`.'),
        title: text('What it does, in a few words.'),
        summary: text('What it does and how it proves it, for somebody who reads it for the first time.'),
        kind: {
          enum: ['diagnostic', 'operation', 'deploy', 'rollback'],
          description: 'What sort of work it is. A diagnostic changes nothing.',
        },
        owner: text('Who answers for it.'),
        stewardship: { enum: ['central', 'shared', 'customer'], description: 'Who may change it.' },
        reviewed: text('When somebody last reviewed it: `2026-11-20`.'),
        targets: text('The hosts that it is for, as a selector.'),
        inputs: {
          type: 'object',
          description: 'What it asks for.',
          additionalProperties: { $ref: '#/$defs/input' },
        },
        rollout: { $ref: '#/$defs/rollout', description: 'How it goes through the hosts: batches and budgets.' },
        steps: { type: 'array', description: 'What it does, in order.', items: { $ref: '#/$defs/step' } },
        always: {
          type: 'array',
          description: 'What is done at the end, whatever happened.',
          items: { $ref: '#/$defs/step' },
        },
      },
    },
    input: {
      oneOf: ['string', 'duration', 'boolean'].map((type) => ({
        type: 'object',
        properties: {
          type: { const: type, description: 'What it takes.' },
          title: text('Its label in the form.'),
          help: text('One sentence under it.'),
          default: { description: 'What it is where nothing is given.' },
          ...(type === 'string' ? { pattern: text('A regular expression that the whole value matches.') } : {}),
        },
      })),
    },
    rollout: {
      type: 'object',
      properties: {
        batches: { type: 'array', description: 'How many hosts at a time: numbers or percentages.' },
        spread: text('A label: one batch never takes all hosts with one value of it.'),
        max_failed: text('Above this, the run stops.'),
        max_unreachable: text('Above this many hosts without answer, the run stops.'),
        hold: text('How long health must hold between batches.'),
      },
    },
    step: {
      type: 'object',
      required: ['id'],
      properties: {
        id: text('Its name within the runbook.'),
        title: text('What it does, in a few words.'),
        run: text('A script for a POSIX shell. Every `{{ value }}` is quoted.'),
        effect: { enum: ['read', 'change'], description: 'Whether it changes the host. Without it, it does.' },
        sudo: { type: 'boolean', description: 'Whether it runs as root.' },
        timeout: text('How long one attempt may take: `60s`.'),
        when: text('It is done only where this holds.'),
        capture: { type: 'object', description: 'What later steps may use of its output.' },
        undo: {
          anyOf: [{ const: 'none', description: 'There is no way back.' }, { $ref: '#/$defs/inverse' }],
          description: 'Its way back.',
        },
        verify: { $ref: '#/$defs/verify', description: 'What must hold afterwards.' },
      },
    },
    inverse: { type: 'object', properties: { run: text('The script that takes it back.') } },
    verify: {
      type: 'object',
      properties: {
        run: text('A read whose answer proves the change.'),
        expect: {
          type: 'object',
          description: 'What the answer must be.',
          properties: {
            stdout: text('Its standard output.'),
            exit: { type: 'integer', description: 'Its exit code.' },
          },
        },
        within: text('How long it may take until it holds.'),
      },
    },
  },
};
