// Asks for the second factors that the account has, in addition to the password.

import { takesPasskeys } from "./passkey.js";

const CODES = { totp: "the code of your authenticator app", recovery_code: "one of your recovery codes" };

// Returns whether a code is accepted, whether a passkey is accepted, and a sentence for the person.
export function asked({ second_factors: factors }) {
  const codes = Object.keys(CODES).filter((factor) => factors.includes(factor));
  const passkey = factors.includes("passkey") && takesPasskeys();
  const enter = codes.length > 0 ? `nter ${codes.map((code) => CODES[code]).join(", or ")}.` : "";
  let sentence = "This browser does not support passkeys. Sign in with another browser.";
  if (passkey) sentence = enter ? `Use your passkey, or e${enter}` : "Use your passkey.";
  else if (enter) sentence = `E${enter}`;
  return { code: codes.length > 0, passkey, sentence };
}
