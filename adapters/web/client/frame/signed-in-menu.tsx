/** Who is signed in, and the way out. */
import { Menu } from '@mantine/core';
import type { Person } from '../api.ts';
import { ChevronIcon } from '../icons.tsx';
import { Link } from '../navigation.tsx';
import { Avatar } from '../parts.tsx';
import { initialsOf } from '../words.ts';

export function SignedInMenu({ me, links, signOut }: { me: Person; links: boolean; signOut(): void }) {
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
          <Avatar initials={initialsOf(me.name)} tone={0} />
          <span className="visually-hidden">Signed in as </span>
          <span className="person-name">{me.name}</span>
          <ChevronIcon size={16} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label className="menu-label">Signed in as {me.id}</Menu.Label>
        {links && (
          <Menu.Item component={Link} to="/link">
            Link a chat account
          </Menu.Item>
        )}
        <Menu.Item onClick={signOut}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
