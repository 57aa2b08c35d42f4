/**
 * An action of your own. Everything above `preview` is data: it is what a person reviews, what policy decides about and what may
 * leave. The functions run in a sandbox, where `tools.send` is the only way out.
 */
import { defineAction, done, fill, z } from 'countersign/action';

export const action = defineAction({
  name: 'note.add',
  title: 'Add a note',
  description: "Adds a note to a team's board.",
  examples: ['add a note for {team}: {note}', 'add a note'],
  system: 'the board',
  input: z.strictObject({
    team: z.enum(['web', 'data']).meta({ title: 'Team', description: 'Whose board it goes to.' }),
    note: z
      .string()
      .min(3)
      .max(200)
      .regex(/^[^\r\n]+$/)
      .meta({ title: 'Note', description: 'The note, in one line.', says: 'A note is one line.' }),
  }),
  effect: 'write',
  risk: 'low',
  // What policy decides about. It may name required arguments only.
  resource: { type: 'Board', id: '{args.team}', attributes: { team: '{args.team}' } },
  // Every call that may ever leave, filled from what was approved. The broker sends what stands here, whatever the code asks for.
  egress: {
    add: {
      method: 'POST',
      host: 'board.example',
      path: '/teams/{args.team}/notes',
      body: { text: fill('args.note'), by: fill('requester'), mark: fill('mark') },
    },
    team: { method: 'GET', host: 'board.example', path: '/teams/{args.team}' },
    byMark: { method: 'GET', host: 'board.example', path: '/teams/{args.team}/marks/{mark}' },
  },
  idempotency: 'none',
  // What takes it back, where something does: another action of this folder. Whoever asked is offered it for so long after it succeeded.
  // `data.note` is what `run` returns below. docs/action-author.md has such an action.
  // undo: { action: 'note.remove', withinSeconds: 900, arguments: { team: fill('args.team'), note: fill('data.note') } },

  // What will happen, before anybody confirms it. Reads only.
  async preview({ team, note }, tools) {
    const found = await tools.send('team');
    if (!found.ok) return { refused: `The board has no team called ${team}.` };
    return { summary: `Add a note to the board of ${team}.`, facts: [{ label: 'Note', value: note }] };
  },

  // `failure` means that certainly nothing happened. Where that is not certain, `send` throws: leave it so.
  async run({ team }, tools) {
    const added = await tools.send('add');
    if (!added.ok) return added.failure;
    return done(`The note is on the board of ${team}.`, { data: { note: tools.mark } });
  },

  // After a crash: found by the mark of this execution it happened; not found says nothing.
  async reconcile({ team }, tools) {
    const found = await tools.send('byMark');
    if (!found.ok) return { kind: 'cannot_tell' };
    const outcome = done(`The note is on the board of ${team}.`, { data: { note: tools.mark } });
    return { kind: 'happened', outcome };
  },
});
