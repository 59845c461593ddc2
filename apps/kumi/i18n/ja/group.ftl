## `kumi group`: groups that are keys.

cmd-group = 鍵としての通信グループ
    .long = ノードをグループに入れれば、設定はそれで終わりです。
    .examples = kumi group cost docs/load/five-elements.toml    ネットワークの管理負荷を数える

cmd-group-cost = ネットワークのために人が入力する値を数える
    .long =
        グループのあるネットワークをファイルから読み、管理者が入力する値の数を、GSCIP と
        IPsec のそれぞれについて、GSCIP の論文の規則で数えます。docs/load のファイルは
        論文のネットワークそのものです。規則は docs/load/README.ja.md にあります。
    .examples =
        kumi group cost docs/load/five-elements.toml    論文のネットワーク
        kumi group cost --nodes 100                     ノード数に応じた増え方
        kumi group cost FILE --json                     プログラム用に

arg-scenario = ネットワークを記述したファイル(TOML)
opt-nodes = 鍵と通信相手の設定の増え方を、このノード数まで示す
expected-nodes = 2～1000000 の数

cost-keys = 鍵
cost-policy = 処理内容
cost-element = 要素
cost-membership = 所属
cost-exchange = 鍵交換
cost-server = サーバ
cost-total = 合計
cost-changes = 変更
cost-nodes = ノード数
cost-curve-keys = 鍵のために入力する値
cost-curve-peers = 通信相手を定めるために入力する値

error-scenario-unreadable = { $file } を読めません。
    .why = { $detail }
    .fix = docs/load/five-elements.toml のようなファイルのパスを指定してください。
error-scenario-large = { $file } が大きすぎます。
    .why = シナリオは最大 { $max } です。
    .fix = docs/load/five-elements.toml のようなファイルのパスを指定してください。
error-scenario-syntax = { $file } はシナリオとして読めません。
    .why = { $detail }
    .fix = その行を直してください。書けるものは docs/load/README.ja.md にあります。
error-scenario-many = { $file } の { $what } が多すぎます。
    .why = 数えられるのは { $max } までです。
    .fix = 減らしてください。
error-scenario-twice = { $file } に "{ $name }" という名前が2つあります。
    .why = どれを指すのか名前で決まらなければなりません。
    .fix = 片方の名前を変えてください。
error-scenario-unknown = { $file }: "{ $by }" が "{ $name }" を指しています。
    .why = その名前のものはありません。
    .fix = 名前を直すか、指しているものを加えてください。
error-scenario-router = { $file }: "{ $by }" を "{ $name }" の配下にすることはできません。
    .why = 配下を持てるのは種別が "gen" の要素だけで、自分自身の配下にもなれません。
    .fix = "gen" の要素を書くか、`behind` を取り除いてください。
error-scenario-group = { $file }: "{ $name }" がどのグループにも属していません。
    .why = グループに属さないものに鍵は要らず、数えるものがありません。
    .fix = グループに入れるか、取り除いてください。
error-scenario-change = { $file }: 変更 "{ $title }" が1つに定まりません。
    .why = 変更は移動か追加のどちらかです。
    .fix = `move` と `add` のどちらか一方を書いてください。
