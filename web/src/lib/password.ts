/** The rules for a new password, as the server checks them, so that the page can show them. */
export const PASSWORD_CHARS_MIN = 12;
export const PASSWORD_CHARS_MAX = 256;

export type PasswordRule = 'length' | 'repeat';

/** Which rules `password` breaks; characters are counted as people count them. */
export function brokenRules(password: string, repeated: string): PasswordRule[] {
	const broken: PasswordRule[] = [];
	const length = [...password].length;
	if (length < PASSWORD_CHARS_MIN || length > PASSWORD_CHARS_MAX) broken.push('length');
	if (password !== repeated) broken.push('repeat');
	return broken;
}
