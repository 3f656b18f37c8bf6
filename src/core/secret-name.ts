/** Whether a variable is called like one that holds a secret, whatever it is used for. */
export function isSecretName(name: string): boolean {
  return /key|token|secret|passw|passphrase|pass$|credential|_pwd|_pat$/i.test(name);
}

/** Whether its value is one by its name, and not which one or where it is: `KEYWORDS`, `TOKEN_URL` and `SSH_KEY_PATH` are not. */
export function holdsSecret(name: string): boolean {
  const about = /(?:dir|file|host|name|path|ur[il])s?$/i.test(name);
  return !about && /secret|passw|passphrase|credential|(?:key|token|pass|_pwd|_pat)s?\d*(?:$|[_-])/i.test(name);
}
