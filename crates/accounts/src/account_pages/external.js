// The page to which a provider redirects people after sign-in (OpenID Connect Core 1.0 §3.1.2.5).

import { call } from "./api.js";
import { element, onSubmit, show } from "./page.js";
import { offerPasskeys } from "./passkey-sign-in.js";
import { wayBack } from "./providers.js";
import { asked } from "./second-factor.js";

const query = new URLSearchParams(location.search);
// Removes the code from the history, because it is valid until it is used.
history.replaceState(null, "", location.pathname);
const back = wayBack();
element("again").href = back;

finish(answerOf(query)).catch(refuse);

function answerOf(query) {
  const answer = { cookie: true };
  for (const name of ["provider", "state", "code", "iss"]) {
    const values = query.getAll(name);
    if (values.length > 1) return null;
    if (values[0]) answer[name] = values[0];
  }
  return answer.provider && answer.state && answer.code ? answer : null;
}

async function finish(answer) {
  if (!answer) {
    const denied = query.get("error") === "access_denied";
    throw new Error(denied ? "The sign-in was not allowed." : "The provider could not sign you in.");
  }
  try {
    await call("POST", "/v1/external-sessions", answer);
  } catch (refusal) {
    if (refusal.code !== "second_factor_required") throw refusal;
    return askForSecondFactor(answer, asked(refusal));
  }
  location.replace(back);
}

function askForSecondFactor(answer, { code, passkey, sentence }) {
  show("second-factor");
  const form = element("code-form");
  onSubmit(form, async () => {
    try {
      await call("POST", "/v1/external-sessions", { ...answer, second_factor: form.elements.code.value.trim() });
    } catch (refusal) {
      if (refusal.code === "external_sign_in_refused") return refuse(refusal);
      form.elements.code.value = "";
      form.elements.code.focus();
      throw refusal;
    }
    location.replace(back);
  });
  element("factors").textContent = sentence;
  form.hidden = !code;
  if (passkey) offerPasskeys(() => location.replace(back));
}

function refuse(refusal) {
  element("reason").textContent = refusal.message;
  show("refused");
}
