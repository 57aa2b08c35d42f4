/** A form made from an action's schema. Submitting it is the requester's confirmation. */
import { Button, Checkbox, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import type { FormField, Form as FormShape } from '../../../src/model/card.ts';
import { legible } from '../../../src/surface/unseen.ts';
import type { Said } from './api.ts';
import { argumentsOf } from './arguments.ts';
import { useDraft } from './drafts.ts';
import { useWorkspace } from './live.tsx';
import { Problem } from './parts.tsx';
import { usePress } from './press.ts';

type Props = {
  form: FormShape;
  place: string;
  /** The conversation and the message in which it stands; null on a page of its own. */
  at: { thread: string; message: string } | null;
  onSent(said: Said): void;
};
type SchemaFormProps = {
  form: FormShape;
  /** Names the draft of what is filled in. */
  place: string;
  /** What the button says, before and after. */
  send: string;
  sent: string;
  /** What sending means, before and after. */
  note: string;
  notedAfter: string;
  /** The key stays the same until something in the form changes. */
  submit(given: Record<string, unknown>, key: string): Promise<void>;
  back?: () => void;
};

export function ActionForm({ form, place, at, onSent }: Props) {
  const { api } = useWorkspace();
  return (
    <SchemaForm
      form={form}
      place={place}
      send="Send"
      sent="Sent"
      note="Sending this form counts as your confirmation."
      notedAfter="Change something to send it again."
      submit={async (given, key) => onSent(await api.submit(form.action, given, at, key))}
    />
  );
}

/** The fields of a schema, filled with what the form brings. */
export function SchemaForm(props: SchemaFormProps) {
  const { form, place, send, sent, note, notedAfter, submit: deliver, back } = props;
  const draft = useDraft(place);
  const [values, setValues] = useState(() => ({ ...broughtBy(form), ...valuesIn(draft.text) }));
  const [isSent, setSent] = useState(false);
  const { isBusy, problem, press } = usePress();
  const key = useRef(crypto.randomUUID());

  const submit = (event: FormEvent) => {
    event.preventDefault();
    return press(async () => {
      await deliver(argumentsOf(form.fields, values), key.current);
      draft.keep('');
      key.current = crypto.randomUUID();
      setSent(true);
    });
  };
  return (
    <form className="card action-form" onSubmit={submit} aria-label={legible(form.title)}>
      <h3>{legible(form.title)}</h3>
      {form.fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          value={values[field.name] ?? ''}
          change={(value) => {
            key.current = crypto.randomUUID();
            setSent(false);
            // Several fields may change at once, as when a browser fills them in.
            setValues((before) => {
              const next = { ...before, [field.name]: value };
              draft.keep(JSON.stringify(next));
              return next;
            });
          }}
        />
      ))}
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button type="submit" loading={isBusy} disabled={isSent}>
          {isSent ? sent : send}
        </Button>
        {back && (
          <Button
            type="button"
            variant="subtle"
            color="gray"
            onClick={() => {
              draft.keep('');
              back();
            }}
            disabled={isBusy}
          >
            Back
          </Button>
        )}
        <span className="muted small">{isSent ? notedAfter : note}</span>
      </div>
    </form>
  );
}

const broughtBy = (form: FormShape): Record<string, string> =>
  Object.fromEntries(
    form.fields.map(({ name, kind, choices, required, value }) => {
      const first = kind === 'choice' && required ? (choices[0] ?? '') : '';
      return [name, value === '' ? first : value];
    }),
  );

/** A draft of this form, as it was kept; the server checks every value anyway. */
const valuesIn = (draft: string): Record<string, string> => (draft === '' ? {} : JSON.parse(draft));

function Field({ field, value, change }: { field: FormField; value: string; change(value: string): void }) {
  const common = { label: legible(field.label), required: field.required };
  const onChange = (event: { currentTarget: { value: string } }) => change(event.currentTarget.value);
  switch (field.kind) {
    case 'text':
      return <TextInput {...common} value={value} onChange={onChange} />;
    case 'multiline':
      return <Textarea {...common} value={value} onChange={onChange} autosize minRows={3} maxRows={12} />;
    case 'number':
      return <NumberInput {...common} value={value} onChange={(next) => change(String(next))} />;
    case 'choice':
      return (
        <NativeSelect
          {...common}
          value={value}
          onChange={onChange}
          data={field.required ? field.choices : ['', ...field.choices]}
        />
      );
    case 'boolean':
      return (
        <Checkbox
          label={common.label}
          checked={value === 'true'}
          onChange={(event) => change(String(event.currentTarget.checked))}
        />
      );
  }
}
