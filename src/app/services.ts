import { credentials } from "../models/choose.ts";
import { localProvider, providers, type Provider } from "../models/providers.ts";

/** A service as help and docs tell of it. Null is what it does not have. */
export type ServiceRow = Pick<Provider, "service" | "aliases" | "addresses" | "options"> & {
  provider: string;
  /** Variables that may hold its credentials; the first that is set counts. */
  variables: readonly string[];
  /** The variable that may hold further headers. */
  headers: string | null;
  /** Null where it is no service, but in this process. */
  url: string | null;
  model: string | null;
  /** Whether it is used without a key, and never unless it is named. */
  local: boolean;
};

/** The services that models can be had from. A file of its own: help loads nothing else for it. */
export const serviceRows: readonly ServiceRow[] = [...providers.map(serviceRow), localRow()];

function serviceRow(provider: Provider): ServiceRow {
  const { name, service, aliases, addresses, options, headers = null, url, path = "", model = null } = provider;
  const row = { provider: name, service, aliases, addresses, options, headers, url: url + path, model };
  return { ...row, variables: credentials(provider), local: provider.local ?? false };
}

function localRow(): ServiceRow {
  const { name, aliases, service, model, options } = localProvider;
  return {
    provider: name,
    aliases,
    service,
    model,
    options,
    variables: [],
    addresses: [],
    headers: null,
    url: null,
    local: true,
  };
}
