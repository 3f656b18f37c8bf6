import { expect, test } from "bun:test";
import { holdsSecret, isSecretName } from "../../src/core/secret-name.ts";

const secrets = [
  "MY_TOKEN",
  "github_token",
  "AWS_SECRET_ACCESS_KEY",
  "API_KEY_2",
  "API_KEYS",
  "OPENAI_APIKEY",
  "PGPASSWORD",
  "MYSQL_PWD",
  "SSHPASS",
  "GPG_PASSPHRASE",
  "GITHUB_PAT",
  "APP_CREDENTIALS",
  "CLIENT_SECRET",
];

test.each(secrets)("%s holds a secret by its name", (name) => {
  expect([holdsSecret(name), isSecretName(name)]).toEqual([true, true]);
});

const others = [
  "LANG",
  "PATH",
  "PWD",
  "OLDPWD",
  "KEYWORDS",
  "KEYCLOAK_URL",
  "TOKEN_URL",
  "SSH_KEY_PATH",
  "DB_PASSWORD_FILE",
];

test.each(others)("%s holds none", (name) => {
  expect(holdsSecret(name)).toBe(false);
});
