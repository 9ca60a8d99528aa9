// The certificates beside this file; certificates/README.md says what each of them is.

export type CertificateName =
  | "receiver"
  | "other"
  | "localhost"
  | "expired"
  | "not-yet-valid"
  | "self-signed"
  | "strange"
  | "client-only"
  | "by-leaf";

/** The authority that signed those that are right, as PEM. */
export const testAuthority = await pem("ca.pem");

const key = await pem("leaf.key");

/** What a server presents, as PEM. */
export async function certificate(name: CertificateName): Promise<{ key: string; cert: string }> {
  return { key, cert: await pem(`${name}.pem`) };
}

function pem(file: string): Promise<string> {
  return Bun.file(new URL(`certificates/${file}`, import.meta.url)).text();
}
