// A new password for an account, by the token of a mail.

import { call } from "./api.js";
import { element, onSubmit, show, takeToken } from "./page.js";
import { showStrength } from "./strength.js";

const token = takeToken();
const form = element("password-form");

showStrength(form.elements.password);
onSubmit(form, async () => {
  await call("POST", "/v1/password-resets/completion", { token, password: form.elements.password.value });
  show("done");
});
show(token ? "choose" : "no-token");
