/** An action from a folder outside has one operation, and this is what it is called. */
export const OPERATION = 'act';
