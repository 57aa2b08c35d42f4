/** Local mode: who you are now, and who else you can be. */
import { Menu } from '@mantine/core';
import type { Person } from '../api.ts';
import { CheckIcon, ChevronIcon } from '../icons.tsx';
import { Avatar } from '../parts.tsx';
import { initialsOf } from '../words.ts';

type Props = { people: Person[]; me: Person; choose(id: string): void };

/** Everybody is in the first group; what tells people apart are the others. */
const rolesOf = (person: Person): string =>
  person.groups.filter((group) => group !== 'employees').join(', ') || 'employee';

export function PersonMenu({ people, me, choose }: Props) {
  const toneOf = (person: Person) => people.indexOf(person);
  return (
    <Menu
      position="bottom-end"
      width={250}
      shadow="md"
      withinPortal={false}
      withInitialFocusPlaceholder={false}
    >
      <Menu.Target>
        <button type="button" className="person">
          <Avatar initials={initialsOf(me.name)} tone={toneOf(me)} />
          <span className="visually-hidden">You are </span>
          <span className="person-name">{me.id}</span>
          <span className="visually-hidden">. Switch person</span>
          <ChevronIcon size={16} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className="menu-label">Local mode: who are you?</Menu.Label>
        {people.map((person) => (
          <Menu.Item
            key={person.id}
            className="person-choice"
            onClick={() => choose(person.id)}
            leftSection={<Avatar initials={initialsOf(person.name)} tone={toneOf(person)} />}
            rightSection={person.id === me.id ? <CheckIcon size={16} /> : null}
            aria-current={person.id === me.id}
          >
            <span className="person-item">
              <strong>{person.id}</strong>
              <span className="muted small">{rolesOf(person)}</span>
            </span>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
