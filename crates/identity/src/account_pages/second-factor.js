// What an account with a second factor is asked for, beside the password: what it has, and nothing else.

import { takesPasskeys } from "./passkey.js";

const CODES = { totp: "the code of your authenticator app", recovery_code: "one of your recovery codes" };

// What a refusal asks for: whether a code would do, whether a passkey would, and a sentence that says so.
export function asked({ second_factors: factors }) {
  const codes = Object.keys(CODES).filter((factor) => factors.includes(factor));
  const passkey = factors.includes("passkey") && takesPasskeys();
  const enter = codes.length > 0 ? `nter ${codes.map((code) => CODES[code]).join(", or ")}.` : "";
  let sentence = "This browser cannot use the passkey of your account: sign in with another one.";
  if (passkey) sentence = enter ? `Use your passkey, or e${enter}` : "Use your passkey.";
  else if (enter) sentence = `E${enter}`;
  return { code: codes.length > 0, passkey, sentence };
}
