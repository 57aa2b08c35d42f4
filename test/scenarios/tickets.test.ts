import { describe, expect, it } from 'vitest';
import { LEVELS, useAssistant } from '../support/assistant.ts';

describe.each(LEVELS)('a ticket at $level', ({ level, skip }) => {
  describe.skipIf(skip)('from words to proof', () => {
    const house = useAssistant({ level });

    it('is opened by one tap of who asked', async () => {
      const { ask, done, until, story, tickets } = house();
      const asked = await ask('alice', 'the VPN is down for the Berlin office, please open a ticket');
      expect(asked).toMatchObject({
        state: 'pending',
        action: 'ticket.create',
        needs: [{ kind: 'confirm', count: 1, have: 0 }],
        arguments: { title: expect.stringMatching(/VPN is down/) },
      });
      expect(await tickets()).toEqual([]);

      await done('alice', asked, 'confirm');
      const ended = await until(asked, 'succeeded');

      expect(ended.result).toMatchObject({ code: 'done' });
      expect(await tickets()).toHaveLength(1);
      expect(await story(asked)).toEqual([
        'turn.received',
        'proposal.made',
        'decision.made',
        'reply.sent',
        'request.confirmed',
        'execution.started',
        'egress.called',
        'execution.finished',
        'reply.sent',
      ]);
    });
  });
});
