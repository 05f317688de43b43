def test_what_a_paper_prints_and_can_not_be_read_is_no_nought():
    ledger = claims.load()
    assert render.printed(ledger["joint.table1.cub.simon"]) == "unreadable"
    assert render.printed(ledger["joint.table1.cub.liu"]) == "85.4 %"
    assert render.printed(ledger["ccfr.claim.fusion-helps"]) == ""
