## kumi demo: a short story in eight steps.

demo-title = このマシンの中に、互いに届かない2台のノードと、その間の Bridge を用意します。Bridge の回線ではイブが盗聴しています。
demo-note = 特権は使わず、このデモの外には一切触れません。
demo-alice = アリス
demo-bob = ボブ

demo-step-stage = 舞台
demo-step-nodes = ノード
demo-step-bridge = Bridge を使う
demo-step-join = 招待
demo-step-ping = 応答
demo-step-file = ファイル
demo-step-eve = イブ
demo-step-end = 終わり

demo-stage-busy = 名前空間とケーブルを作っています
demo-stage-done = 5つの名前空間: アリスの家とボブの家はそれぞれ、応答のほかは何も通さず穴あけもできない NAT の内側にあり、その間のインターネットに Bridge がいます。
demo-stage-done-no-nat = 3つの名前空間: アリスのネットワーク、ボブのネットワーク、両方にケーブルでつながる Bridge。一方のネットワークからもう一方へパケットは届きません。(このカーネルでは名前空間に NAT を作れないため、NAT なしで隔てています。)
demo-nodes-busy = 3台のノードを起動しています
demo-node = { $name }: { $address }
demo-node-meaning = どのアドレスもノードの鍵から導かれます。誰かが割り当てたものではなく、誰にも偽造できません。
demo-bridge-busy = アリスとボブが Bridge につないでいます
demo-bridge-used = { $name }が { $ms } ミリ秒で Bridge につながりました。
demo-bridge-meaning = Bridge は自分に読めないものを中継します。鍵はアリスとボブの手元にしかありません。
demo-join-busy = ボブがアリスの招待行を使っています
demo-join-line = アリスが { $len } 文字の招待行を作りました: { $start }…
demo-join-done = ボブがそれを使い、{ $ms } ミリ秒後に{ $via }で接続しました。鍵は X25519 と ML-KEM-768 で交換しています。
demo-ping-busy = アリスがボブに応答を求めています
demo-ping-done = { $sent } 回中 { $received } 回応答、{ $min }～{ $max } ミリ秒、{ $via }
demo-file-make = 秘密の言葉を { $count } 個含む { $size } のファイルを作っています
demo-file-busy = アリスが TCP でボブに送っています
demo-file-sums = 両端の SHA-256 を比べています
demo-file-done = { $size } を { $seconds } 秒で送信: { $rate }
demo-file-sum = { $name }の SHA-256: { $sum }
demo-file-equal = 2つは一致しました。
demo-eve-busy = イブが得たものを調べています
demo-eve-saw = イブはアリスと Bridge の間の回線を流れる全パケットを見ました: { $packets } パケット、{ $bytes }。
demo-eve-missed = ただし { $count } パケットは取りこぼしました。
demo-eve-packet = そのうちの1つはこう見えます:
demo-eve-entropy = 乱雑さ: 1バイト8ビット中 { $bits } ビット。イブには雑音にしか見えません。
demo-eve-canary = イブが見たものの中の秘密の言葉: { $found } 個。同じ検索は、ボブが受け取ったファイルからは { $control } 個見つけます。
demo-end-clean = すべてのノードを停止し、すべて片付けました。
demo-end-good = アリスが送ったものはボブに届き、途中の誰にも読めませんでした。所要時間は { $seconds } 秒です。
demo-end-next = 次は2台のマシンで。片方で `kumi up` を実行すると、続きが表示されます。

error-demo-namespace = デモ用の名前空間を作れません。
    .why = { $detail }
    .fix = 特権なしの名前空間を許可する(sysctl kernel.unprivileged_userns_clone=1、または kernel.apparmor_restrict_unprivileged_userns=0)か、root でデモを実行してください。
error-demo-stage = デモの舞台を用意できませんでした。
    .why = { $detail }
    .fix = 一時ディレクトリの空きを増やすか、TMPDIR で別の場所を指定して、もう一度試してください。
error-demo-node = { $name }が起動しませんでした。
    .why = { $detail }
    .fix = `kumi check` を実行すると、このマシンに足りないものが分かります。
error-demo-file = ファイルが送ったとおりに届きませんでした。
    .why = { $detail }
    .fix = もう一度試してください。変わらない場合は `kumi bugreport` で報告してください。
error-demo-leak = イブが秘密の言葉を { $found } 個見つけました。
    .why = 回線上に暗号化されていないものがありました。決してあってはならないことです。
    .fix = すぐに `kumi bugreport` で報告し、このバージョンを使わないでください。
error-demo-blind = イブには十分に見えませんでした。
    .why = 回線で捕捉したものにファイルが含まれず、何の証明にもなりません。
    .fix = もう一度試してください。変わらない場合は `kumi bugreport` で報告してください。
