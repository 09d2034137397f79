"""The declarations themselves, one module per stage of the flow; `contracts.tables` gathers them."""
