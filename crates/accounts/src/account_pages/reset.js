// Sets a new password for an account, with the token from an e-mail.

import { call } from "./api.js";
import { clearForms, fillUsername, followLink, onSubmitOfLink } from "./mailed-link.js";
import { element, show } from "./page.js";
import { showStrength } from "./strength.js";

const form = element("password-form");
let token = null;
let link = {};

showStrength(form.elements.password, () => ({ known: [link.email], second_factor: link.second_factor }));
onSubmitOfLink(form, () => token, async () => {
  await call("POST", "/v1/password-resets/completion", { token, password: form.elements.password.value });
  show("done");
});
followLink((given, found) => {
  [token, link] = [given, found];
  clearForms();
  fillUsername(link);
  show("choose");
});
