/** A form made from an action's schema. Submitting it is the requester's confirmation. */
import { Button, Checkbox, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useRef, useState } from 'react';
import type { FormField, Form as FormShape } from '../../../src/model/card.ts';
import { messageOf, type Said } from './api.ts';
import { useWorkspace } from './live.tsx';
import { Problem } from './parts.tsx';
import { unmasked } from './words.ts';

type Props = { form: FormShape; thread: string | null; onSent(said: Said): void };

/** What goes to the server: text as text, numbers and booleans as such, empty optional fields not at all. */
export function argumentsOf(
  fields: readonly FormField[],
  values: Record<string, string>,
): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const field of fields) {
    const value = values[field.name] ?? '';
    if (field.kind === 'boolean') given[field.name] = value === 'true';
    else if (value === '' && !field.required) continue;
    else given[field.name] = field.kind === 'number' ? Number(value) : value;
  }
  return given;
}

export function ActionForm({ form, thread, onSent }: Props) {
  const { api } = useWorkspace();
  const [values, setValues] = useState(() =>
    Object.fromEntries(
      form.fields.map(({ name, kind, choices, required, value }) => {
        const first = kind === 'choice' && required ? (choices[0] ?? '') : '';
        return [name, value === '' ? first : value];
      }),
    ),
  );
  const [isBusy, setBusy] = useState(false);
  const [isSent, setSent] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const key = useRef(crypto.randomUUID());

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      onSent(await api.submit(form.action, argumentsOf(form.fields, values), thread, key.current));
      key.current = crypto.randomUUID();
      setSent(true);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="card action-form" onSubmit={submit} aria-label={unmasked(form.title)}>
      <h3>{unmasked(form.title)}</h3>
      {form.fields.map((field) => (
        <Field
          key={field.name}
          field={field}
          value={values[field.name] ?? ''}
          change={(value) => {
            key.current = crypto.randomUUID();
            setSent(false);
            setValues((before) => ({ ...before, [field.name]: value }));
          }}
        />
      ))}
      {problem !== null && <Problem text={problem} />}
      <div className="decide-buttons">
        <Button type="submit" loading={isBusy} disabled={isSent}>
          {isSent ? 'Sent' : 'Send'}
        </Button>
        <span className="muted small">
          {isSent ? 'Change something to send it again.' : 'Sending this form counts as your confirmation.'}
        </span>
      </div>
    </form>
  );
}

function Field({ field, value, change }: { field: FormField; value: string; change(value: string): void }) {
  const common = { label: unmasked(field.label), required: field.required };
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
