// Put in by the build; from source it is not defined.
declare const REIN_VERSION: string | undefined;

export const version = typeof REIN_VERSION === "string" ? REIN_VERSION : "0.0.0-source";

/** What services see of us. */
export const userAgent = `rein/${version}`;
