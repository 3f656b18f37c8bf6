/** Whether a variable is called like one that holds a secret, whatever it is used for. */
export function isSecretName(name: string): boolean {
  return /key|token|secret|passw|credential/i.test(name);
}
