// Where Swagger UI's list of operations needs help, as one of its plugins.

export const changes = {
  fn: { opsFilter: filterOperations },
  statePlugins: { layout: { wrapActions: { scrollToElement: () => scrollBelowBar } } },
  wrapComponents: { operations: tellOfNoMatch },
};

// A link to an operation stops below the bar, as `scroll-margin-top` says; Swagger UI's own way knows nothing of that. What
// it hands over stands around the operation.
function scrollBelowBar(around) {
  (around.querySelector(".opblock, .opblock-tag") ?? around).scrollIntoView();
}

// Keeps the operations whose tag, method, path, name or summary has the phrase; Swagger UI itself looks at tags alone.
function filterOperations(taggedOperations, phrase) {
  const wanted = phrase.toLowerCase();
  const matches = (operation, tag) => {
    const texts = [tag, operation.get("method"), operation.get("path")];
    texts.push(operation.getIn(["operation", "operationId"]), operation.getIn(["operation", "summary"]));
    return texts.some((text) => text?.toLowerCase().includes(wanted));
  };
  return taggedOperations
    .map((group, tag) => group.update("operations", (all) => all.filter((operation) => matches(operation, tag))))
    .filter((group) => !group.get("operations").isEmpty());
}

// Swagger UI says "No operations defined in spec!" when the filter matches nothing.
function tellOfNoMatch(Operations, { React, layoutSelectors, specSelectors }) {
  return (properties) => {
    const phrase = layoutSelectors.currentFilter();
    const hidden = typeof phrase === "string" && phrase !== "" && specSelectors.taggedOperations().isEmpty();
    if (!hidden) return React.createElement(Operations, properties);
    return React.createElement("p", { className: "no-match", role: "status" }, `No operation matches “${phrase}”.`);
  };
}
