/** Two words in small letters, as the file's name: `report.weekly`. */
export const ACTION_NAME = /^[a-z][a-z0-9]{0,29}\.[a-z][a-z0-9]{0,29}$/;
