// Requests an e-mail to set a new password. The response is the same whether or not the account exists.

import { call } from "./api.js";
import { element, onSubmit, show } from "./page.js";

const form = element("address-form");

onSubmit(form, async () => {
  await call("POST", "/v1/password-resets", { email: form.elements.email.value });
  element("address").textContent = form.elements.email.value;
  show("done");
});
show("ask");
