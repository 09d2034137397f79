"""Did a change of the learned weights help, or harm? Judged on days decided after it, looked at every night.

`changes` reads the changes off past decisions, `monitor` is the test that may be looked at daily, `judgement` puts
promise and result beside each other, `table` is table `learning_effectiveness`. Nothing here knows how weights are
decided: `learning.weights` asks this package, not the other way round.
"""
