import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, test } from 'vitest';
import { ACTIONS } from '../../../actions/catalogue.ts';
import {
  COMMAND,
  COMMAND_SETTINGS,
  COMMAND_WORDS,
  ENDPOINT,
  EVENTS,
  FEATURES,
  HOME_SETTINGS,
  METHODS,
  PROMPTS,
  SCOPES,
  SHORTCUTS,
} from '../../../adapters/slack/needs.ts';
import { parseChatCommand } from '../../../src/intake/chat-command.ts';
import { planOffline } from '../../../src/planner/offline.ts';
import { plannerTool } from '../../../src/planner/schema.ts';
import { METHODS as FAKE_METHODS } from '../../support/slack/web-api.ts';

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const manifest = read('../../../manifest.json');
const schema = read('../../support/slack-manifest.schema.json');
// Its `format`s are advisory and its `_note`s are Slack's own.
const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);

describe('manifest.json', () => {
  test("is valid against Slack's public schema, which bites", () => {
    expect(validate(manifest), JSON.stringify(validate.errors)).toBe(true);
    expect(validate({ ...manifest, features: { ...manifest.features, chat_view: {} } })).toBe(false);
  });

  test('asks for exactly the scopes, events and commands that the code uses', () => {
    expect([...manifest.oauth_config.scopes.bot].sort()).toEqual([...SCOPES]);
    expect(manifest.oauth_config.scopes.user).toBeUndefined();
    const { bot_events } = manifest.settings.event_subscriptions;
    expect([...bot_events].sort()).toEqual(EVENTS.map(({ subscription }) => subscription).sort());
    const commands = manifest.features.slash_commands;
    expect(commands).toEqual([expect.objectContaining({ command: COMMAND, ...COMMAND_SETTINGS })]);
    const shortcuts = manifest.features.shortcuts.map(
      ({ callback_id, type }: { callback_id: string; type: string }) => ({ callback: callback_id, type }),
    );
    expect(shortcuts).toEqual([...SHORTCUTS]);
    expect(manifest.features.app_home).toEqual(HOME_SETTINGS);
    expect(manifest.features.agent_view.suggested_prompts).toEqual(PROMPTS);
    for (const { feature } of FEATURES) expect(manifest.features).toHaveProperty(feature);
  });

  test.each([...PROMPTS.map(({ message }) => message), ...COMMAND_WORDS.values()])(
    'offers "%s", which is understood without a model',
    (message) => {
      const command = parseChatCommand(message);
      if (command !== null) return expect(command.kind).not.toBe('wrong');
      const plan = planOffline({ text: message, tools: ACTIONS.map(plannerTool), pendingAsk: null });
      if (plan.kind === 'answer') expect(plan.text).toMatch(/^You can ask for:/);
      else expect(plan.kind).toBe('ask');
    },
  );

  test('sends everything to the one endpoint', () => {
    const urls = [
      manifest.features.slash_commands[0].url,
      manifest.settings.event_subscriptions.request_url,
      manifest.settings.interactivity.request_url,
    ];
    expect(new Set(urls.map((url) => new URL(url).pathname))).toEqual(new Set([ENDPOINT]));
    expect(manifest.settings.interactivity.is_enabled).toBe(true);
  });

  test('is an agent of the current kind: the older one is closed to new apps', () => {
    expect(manifest.features).not.toHaveProperty('assistant_view');
    expect(manifest.features.agent_view.agent_description.length).toBeLessThanOrEqual(300);
  });

  test('grants each method the scope that the fake demands', () => {
    for (const { method, scope } of METHODS) expect(FAKE_METHODS[method]?.scope).toBe(scope);
  });
});
