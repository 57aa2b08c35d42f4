/** What things are called for people: by the directory and the catalogue of this moment; whatever they do not know, by its id. */
import type { Catalogue } from '../catalogue.ts';
import type { FileDirectory } from '../directory/file.ts';
import type { PrincipalId } from '../model/ids.ts';
import type { StoredRequest } from '../model/request.ts';

export type Names = {
  nameOf(person: PrincipalId): string;
  titleOfGroup(group: string): string;
  /** Of an action, by its name. */
  titleOf(action: string): string;
  /** Where a request takes effect. */
  systemOf(request: Pick<StoredRequest, 'action' | 'connector'>): string;
};

export function createNames(directory: FileDirectory, catalogue: Catalogue): Names {
  return {
    nameOf: (id) => directory.current.people.find((person) => person.id === id)?.name ?? id,
    titleOfGroup: (id) => directory.current.groups.find((group) => group.id === id)?.title ?? id,
    titleOf: (action) => catalogue.governed(action)?.action.title ?? action,
    systemOf: ({ action, connector }) => {
      const governed = catalogue.governed(action);
      return governed?.connector.name === connector ? governed.connector.title(governed.settings) : connector;
    },
  };
}
