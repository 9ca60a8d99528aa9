// The pages of workflows: a chunk of their own, for many services have none.
export { WorkflowList } from "./list.tsx";
export { WorkflowPage } from "./workflow.tsx";
