## `kumi group`: groups that are keys.

cmd-group = 鍵としての通信グループ
    .long =
        ノードをグループに入れれば、設定はそれで終わりです。所属する者どうしは、どこに
        いても端から端まで暗号化されて届き、他の誰も届きません。最初のグループを作った
        ノードが管理します(GMS)。管理サーバが止まっても、通信は続きます。
    .examples =
        kumi group create lab          グループを作る。このノードが管理し、所属もする
        kumi group add ada lab         "ada" の機器のための行を表示する
        kumi join kumi1:AgQAAA…        その機器で実行すれば、それで終わり
        kumi group remove ada          どこからでも直ちに締め出す

cmd-group-create = グループを作り、このノードが管理する
    .long =
        このノードが起動していなければ起動します。--apart がなく、サーバ専用
        (`kumi gms serve`)でもなければ、このノードも所属します。グループの鍵は毎晩、
        そのタイムゾーンの 03:00 と、誰かが抜けたときに替わります。--site を付けると、
        機器がいま持つアドレスも守ります。
    .examples =
        kumi group create lab                       ホスト名で所属する
        kumi group create lab office                2つのグループを作る
        kumi group create lab --as server           "server" という名前で所属する
        kumi group create lab --apart               管理だけをする
        kumi group create lab --site 10.0.0.0/16    このアドレス間の通信も守る
        kumi group create lab --zone Asia/Tokyo     この機器と違うタイムゾーンにする
        kumi group create vault --locked 1 --admin-key kumikey1.…    この管理者だけが加入を許す(`kumi group key`)

cmd-group-add = メンバーをグループに入れる
    .long =
        新しいメンバーの機器のための行を表示します。その機器で `kumi join LINE` を実行
        すれば終わりです。行は1回だけ使えます。すでに参加しているメンバーは直ちに
        グループに入り、その機器で入力するものはありません。
    .examples =
        kumi group add ada lab                            新しいメンバーのための行
        kumi group add ada lab office                     2つのグループに入れる
        kumi group add gate lab --behind 192.168.20.0/24  背後を守るルータ
        kumi group add ada lab --mode closed              グループの中だけで通信させる

cmd-group-invite = 何台もの機器がグループに入るための行を作る
    .long =
        行を使った機器は、それぞれのホスト名でメンバーになります。名前は機器の自称です。
        確かな名前が要るときは管理者が決めます: `kumi group add NAME GROUP`。
    .examples =
        kumi group invite sensors --uses 50                 50台用、24時間有効
        kumi group invite sensors --uses 50 --expires 7d    7日間有効
        kumi group invite lab office                        1台を2つのグループに入れる
        kumi group invite lab --mode closed                 グループの中だけで通信させる

cmd-group-remove = メンバーをグループから、またはすべてから外す
    .long =
        直ちに締め出されます。つながっているメンバー全員に知らされ、セッションは終わり、
        グループの鍵が替わります。つながっていないメンバーは、互いから知ります。
    .examples =
        kumi group remove ada        すべてのグループから外す。その機器はメンバーでなくなる
        kumi group remove ada lab    グループ "lab" からだけ外す

cmd-group-role = グループの規則のために、メンバーの役割を決める
    .long =
        役割は 8 個まで付けられ、ここに書いたものがそのすべてになります。何も書かなければ、
        役割はなくなります。グループの規則は役割について書きます(`kumi group rules`)。
    .examples =
        kumi group role ada staff             ada は "staff"
        kumi group role web-1 server public   web-1 は両方
        kumi group role ada                   ada に役割はない

cmd-group-rules = グループのメンバーが互いに使えるサービスを表示する、または決める
    .long =
        グループのメンバーは互いにすべてを使えます。規則を決めると、規則にあるものと応答だけ
        になります。規則は、それを決めるファイルの形で表示されます。エディタで直し、どうなるか
        を確かめ(`kumi group plan rules`)、渡してください。ファイルのテストは、あるメンバーが
        別のメンバーのサービスを使えること、または使えないことを書きます。それに反する命令は
        断られます。メンバーをすべてのグループから外すことは、断られません。

        {"[["}rule]]
        from = "staff"                        # この役割を持つもの。"*" はすべてのメンバー
        to = "server"
        services = ["tcp/22", "udp/6000-6100"]    # または ["all"]

        {"[["}test]]
        from = "ada"                          # メンバー
        to = "web-1"
        service = "tcp/22"
        open = true
    .examples =
        kumi group rules lab > lab.toml       直すための、いまの規則とテスト
        kumi group plan rules lab lab.toml    何が開き、何が閉じるか
        kumi group rules lab lab.toml         続いているセッションにも、直ちに効く
        kumi group rules lab --none           再び互いにすべてを使える

cmd-group-plan = 変更によってメンバーのどの組が開き、どの組が閉じるかを表示する
    .long =
        何も変更しません。サーバは命令を受けたものとして判断し、前後を比べます。共通の
        グループがある組が「開いて」います。
    .examples =
        kumi group plan remove ada         ada が通信できなくなる相手
        kumi group plan add ada lab        ada が通信できるようになる相手
        kumi group plan invite lab         新しく入る者が通信できるようになる相手
        kumi group plan rules lab FILE     メンバーが使えるようになるサービス

cmd-group-plan-add = メンバーをグループに入れると、どの組が開くかを表示する
    .examples = kumi group plan add ada lab    ada が通信できるようになる相手

cmd-group-plan-invite = グループへの行を作ると、どの組が開くかを表示する
    .long = 行を使って入る者は *1、ほかの者は *2 と表示します。
    .examples = kumi group plan invite lab office --uses 5    5台どうしの通信も含めて

cmd-group-plan-remove = メンバーを外すと、どの組が閉じるかを表示する
    .examples =
        kumi group plan remove ada        すべてのグループから外す場合
        kumi group plan remove ada lab    グループ "lab" からだけ外す場合

cmd-group-plan-role = 役割を変えると、どのサービスが使えるかを表示する
    .examples = kumi group plan role ada staff    ada が使えるものと、ada を使えるもの

cmd-group-plan-rules = 規則を変えると、何が開き何が閉じるかを表示する
    .examples = kumi group plan rules lab lab.toml    メンバーの組ごとに、両方向

cmd-group-share = 別のサーバにもグループを管理させる
    .long =
        2つの拠点の2台のサーバが1つのグループを一緒に管理し、どちらが失われても続きます。
        どちらも、全員の所属を更新し、だれでも外し、鍵を替え、新しいメンバーを入れられます。
        もう1台のサーバのための行を表示します。そこで `kumi group accept LINE` を実行する
        だけです。
    .examples =
        kumi group share lab                   2台目のサーバのための行(24 時間有効)
        kumi group share lab office            2つのグループについて
        kumi group share lab --expires 7d      7 日間有効

cmd-group-accept = 別のサーバの行を使い、グループを一緒に管理する
    .long =
        このノードがまだ管理サーバでなければ、管理サーバになります。メンバー・行・管理者は
        サーバごとに別で、だれを入れ、だれを外したかを互いに知らせます。
    .examples = kumi group accept LINE    1台目のサーバの `kumi group share` が表示した行

cmd-group-unshare = 別のサーバ、またはこのサーバのなくなった機器を、グループから外す
    .long =
        そのサーバは直ちに、入れる・更新する・外すことができなくなり、そのサーバが入れた
        メンバーは外れます。そのサーバが外したものは外れたままです。このサーバのメンバーは
        そのまま続きます。ルート鍵を持つ、グループを作ったサーバだけができます。
        このサーバの機器なら、グループに8つある席を空けるだけです。まだあれば、ひとりでに
        戻ります。
    .examples = kumi group unshare lab fc12:…:34    アドレスは `kumi group list` で分かる

cmd-group-rotate = グループの鍵を今すぐ替える
    .long = 鍵は毎晩ひとりでに替わります。セッションは続き、何も失われません。
    .examples = kumi group rotate lab    グループ "lab" の鍵を替える

cmd-group-list = このノードが所属する、または管理するグループを表示する
    .examples =
        kumi group list           人が読む形
        kumi group list --json    プログラム用に

cmd-group-lines = まだ使える行を表示する
    .examples =
        kumi group lines           人が読む形
        kumi group lines --json    プログラム用に

cmd-group-withdraw = 行を使えなくする
    .long = その行ですでに入ったものは、そのまま残ります。
    .examples = kumi group withdraw 5f0c…    ID は `kumi group lines` で分かる

cmd-group-cost = ネットワークのために人が入力する値を数える
    .long =
        グループのあるネットワークをファイルから読み、管理者が入力する値の数を、GSCIP と
        IPsec のそれぞれについて、GSCIP の論文の規則で数えます。隣にコマンドの記録
        (NAME.session)があれば、kumi で入力する値も数えます。docs/load のファイルは
        論文のネットワークそのものです。規則は docs/load/README.ja.md にあります。
    .examples =
        kumi group cost docs/load/five-elements.toml    論文のネットワーク
        kumi group cost --nodes 100                     ノード数に応じた増え方
        kumi group cost FILE --json                     プログラム用に

arg-line-id = 行の ID(`kumi group lines` で分かる)
arg-scenario = ネットワークを記述したファイル(TOML)
arg-group = グループの名前
arg-gms-backup = 作るファイル。すでにあってはならない
arg-gms-to = 移す先: postgresql://USER@HOST/DATABASE またはディレクトリ
arg-group-new = グループの名前(新しいもの)
arg-group-left = 抜けるグループ。省略するとすべて
arg-share-line = もう1台のサーバの `kumi group share` が表示した行
arg-server = サーバのアドレス F(`kumi group list` で分かる)
arg-groups = グループの名前(1つ以上)
arg-member = メンバーの名前(`kumi group list` に出るもの)
arg-member-new = メンバーの名前(新しいものでもよい)
opt-as = グループでのこのノードの名前
opt-apart = 所属せずに管理だけをする
opt-no-site = 新しいグループは通常のアドレスを守らない
opt-zone = 03:00 に鍵を替えるタイムゾーン(Asia/Tokyo など)
opt-mode = open: グループの外とも平文で通信する。closed: しない
opt-site = グループが守る通常のアドレス(サイトモード。192.168.0.0/16 など)。何度でも指定できる
opt-behind = その機器の背後にあるもの。192.168.20.0/24 などのネットワーク(ルータ)、または 192.168.1.50 などのサーバ(アダプタ)。何度でも指定できる
opt-database = 記録を置く PostgreSQL データベース: postgresql://USER@HOST/DATABASE
opt-database-file = データベースの場所をこのファイルから読む。ほかの人が読めてはならない
opt-key = 記録を使うサーバの gms.key(その状態ディレクトリから写したもの)
opt-uses = 行を使える機器の数(省略時 1)
opt-group-role = グループの規則のための、新しいメンバーの役割。8 回まで指定できる
opt-none = グループに規則を置かない。メンバーは互いにすべてを使える
opt-why-port = そこのサービス。tcp/22、udp/53 など。数だけなら TCP のポート
arg-roles = その役割のすべて
arg-rules = 規則とテストのファイル(TOML)。- は標準入力
expected-service = tcp/22、udp/53、22 のような1つのポート
opt-group-expires = 行の有効期間: 30m、24h、7d など(1m～30d、省略時 24h)
expected-mode = open または closed
expected-line-id = `kumi group lines` が示す 32 文字の ID
expected-server = fc12:3456::1 のようなアドレス
expected-uses = 1～100000 の数

group-created = { $count ->
       *[other] グループ { $groups } を作りました。このノードが管理します。鍵は毎日 03:00({ $zone })に替わります。
    }
group-created-site = { $count ->
       *[other] { $site } を守ります。
    }
group-created-member = { $count ->
       *[other] このノードも { $member } という名前で入っています。
    }
group-created-next = 名前を付けて、ほかの機器を入れてください:
group-added = { $member } は { $groups } に入りました。その機器ですることはありません。
group-line-once = { $until } まで、1回だけ使えます。{ $of } の機器で実行: kumi join LINE
group-line-many = { $until } まで、{ $of } 台で使えます。それぞれの機器で実行: kumi join LINE
group-share-line = { $until } まで、1回だけ使えます。もう1台のサーバで実行: kumi group accept LINE
group-accepted = このノードは { $server } のサーバと一緒に { $groups } を管理します({ $took } ms)。
group-accepted-next = 相手と同じように、ここでもメンバーを入れられます: kumi group add NAME GROUP
group-unshared = { $server } のサーバはもう { $group } を管理しません。つながっているメンバーには知らせました。
group-removed = { $member } をすべてのグループから外しました。つながっているメンバーには知らせました。
group-removed-from = { $member } を { $group } から外しました。つながっているメンバーには知らせました。
group-role-set = { $member } の役割は { $roles } になりました。
group-role-none = { $member } の役割はなくなりました。
group-rules-set = { $group } の規則は { $count } 個になりました{ $tests ->
        [0] 。
       *[other] 。テスト { $tests } 個も通っています。
    }つながっているメンバーには知らせました。
group-rules-none = { $group } の規則はなくなりました。メンバーは互いにすべてを使えます。
group-rules-free = # { $group } に規則はありません。メンバーは互いにすべてを使えます。
group-rules-head = # { $group } のメンバーが互いに使えるサービス。決めるには: kumi group rules { $group } FILE
group-rotated = { $group } の鍵を替えました。つながっているメンバーは新しい鍵を持っています。
gms-backup-done = このサーバの知っていることはすべて { $file } にあります。開けるのは状態ディレクトリの gms.key だけです。その写しを別の場所に保管してください。
gms-moved = すべて新しい場所に移し、そこで読んで確かめました。これからはそこを使います。元の記録はもう使いません。
join-group-done = このノードは { $name } という名前で { $groups } に入りました({ $took } ms)。
join-group-next = ほかに設定するものはありません。ほかのメンバーを見るには: kumi group list

plan-nothing = 開く組も閉じる組もありません。
plan-change = 変化
plan-one = メンバー
plan-other = 相手
plan-by = グループ
plan-services = サービス
plan-no-service = 応答
plan-changes = 変わる
plan-when = いつ
plan-opens = 開く
plan-closes = 閉じる
plan-stays = 開いたまま
plan-at-once = 直ちに
plan-waits = 加入してから
plan-waits-signed = 加入と署名の後
plan-left-out = ほかに { $count } 組あります。
plan-not-done = まだ何も変更していません。

groups-none = このノードはどのグループにも入っていません。`kumi group create NAME` で作るか、`kumi join LINE` で入ってください。
groups-member-of = このノードが所属するグループ:
groups-managed = このノードが管理するグループ(変更 { $rev }):
groups-group = グループ
groups-name = 名前
groups-mode = モード
groups-epoch = 鍵バージョン
groups-lease = 所属の期限
groups-server = サーバ
groups-in-touch = 通信中の相手
groups-next = 次の鍵
groups-zone = タイムゾーン
groups-members = メンバー(複数)
groups-servers = ほかのサーバ
groups-member = メンバー
groups-node = ノード
groups-element = 要素
groups-of = 所属
groups-roles = 役割
groups-rules = 規則
groups-open = 開放
groups-closed = 閉域
groups-server-there = 接続中
groups-server-away = 切断中
groups-invited = 招待中
groups-here = 接続中
groups-away = 不在
groups-by-other = { $state }(別のサーバが入れた)

opt-nodes = 鍵と通信相手の設定の増え方を、このノード数まで示す
expected-nodes = 2～1000000 の数

cost-keys = 鍵
cost-policy = 処理内容
cost-element = 要素
cost-membership = 所属
cost-exchange = 鍵交換
cost-server = サーバ
cost-values = 値
cost-words = 全単語
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
error-session = { $file } は、ネットワークのコマンドの記録になっていません。
    .why = { $detail }
    .fix = 各行に `MACHINE$ kumi …` と書き、この版の kumi にあるコマンドを使い、変更はネットワークのファイルにある題名で書いてください。不要ならファイルを消してください。例は docs/load/five-elements.session にあります。

cmd-why = あるアドレスへのパケットがなぜそう扱われるかを説明する
    .long =
        いまそのアドレスへのパケットがどうなるかと、それを決める事実を、ノードが調べる順に
        すべて挙げます。規則、グループ、セッション、サイトモードでは動作処理情報テーブルです。
        相手には問い合わせません。相手側の判断は、相手側で同じコマンドを実行してください。
    .examples =
        kumi why ada.lab         メンバー
        kumi why fc3a:…          ピア
        kumi why 192.168.1.7     通常のアドレス(サイトモード、またはピアの配下)

arg-why-target = アドレス、ピアの名前、または 名前.グループ
why-own = { $address } はこのノード自身です。
why-past = { $address } へのパケットは Kumihimo の対象ではなく、ホストの経路に従います。
why-sealed = { $address } へのパケットは暗号化されます。
why-asks = { $address } への次のパケットは、調べる間待ちます。
why-clear = { $address } へのパケットは平文で出ます。
why-discarded = { $address } へのパケットは破棄されます。
why-site = ip.site に { $prefix } があり、動作処理情報テーブルが決めます。
why-entry-encrypt = { $here } から: { $peer } と暗号化。残り { $left } 秒
why-entry-provisional = { $here } から: { $peer } に暗号化を求め、確認を待っています
why-entry-relay = { $here } から: 両者の間を通るものを透過中継。新しい問い合わせがなければ残り { $left } 秒
why-entry-discard = { $here } から: 破棄。残り { $left } 秒で、また調べます
why-entry-clear = { $here } から: 共通のグループの要素はいません。{ $left } 秒後にまた調べます
why-no-entry = 動作処理情報テーブルにはまだ何もありません。
why-was-member = そこには { $peer } がいました。このノードは決して平文では送りません(kumi pit --forget)。
why-mode-open = このノードは開放モードです。共通のグループがない相手とは平文で通信します。
why-mode-closed = このノードは閉域モードです。共通のグループがない相手とは通信しません。
why-leads = { $peer } のアドレスです。
why-behind = { $prefix } は { $peer } の先にあります。
why-no-route = このアドレスを持つピアも、その先にあると言うピアもいません。
why-denied = 規則がこのピアを拒否しています(kumi list)。
why-allowed = 規則がこのピアを許可しています。ここで使えるサービス: { $services }
why-member = このノードと同じ { $group } のメンバーです。更新されなければ、あと { $left }。
why-rules = グループの規則では、相手がここで使えるもの: { $here }。このノードがそこで使えるもの: { $there }
why-permits = { $group } の規則 { $rules } が、このサービスを許しています(kumi group rules { $group })。
why-no-permit = { $group } には、このサービスを許す規則がありません。
why-unknown = 規則に名前がなく、メンバーであることもまだ示していません。このノードは{ $groups ->
        [0] どのグループにも入っていません
       *[other] { $groups } 個のグループに入っており、パケットが尋ねます
    }。
why-session = セッション: { $state }
why-runs = つながり方: { $via }

cmd-pit = 通常のアドレス間の通信をどう扱うかを表示する
    .long =
        サイトモード(kumi.toml の `ip.site`)では、そのアドレスとの通信ごとに、最初の
        パケットで扱いを決めます。同じグループのメンバーとは暗号化し、それ以外とは平文で
        通信するか、まったく通信しません。これがその動作処理情報テーブルです。通信の下には、
        途中で「透過中継する」と報告した同じグループの要素が並びます。ルータでは、
        中継している通信も行として表示します。
    .examples =
        kumi pit                         人が読む形
        kumi pit --json                  プログラム用に
        kumi pit --forget 192.168.1.7    メンバーが移り、いまは別の機器がいる

pit-none = 動作処理情報テーブルは空です。まだ通信が始まっていないか、kumi.toml の `ip.site` にアドレスがありません。
opt-forget = このアドレスはもうメンバーのものではない。このノードが開放モードなら、再び平文になりうる
pit-forgotten = { $address } を忘れました。次のパケットで、そこに誰がいるかを調べます。
pit-not-known = { $address } にメンバーがいたことはありません。次のパケットで、そこに誰がいるかを調べます。
pit-here = こちら
pit-there = 相手
pit-action = 処理
pit-peer = 要素
pit-key = 鍵バージョン
pit-left = 残り
pit-encrypt = 暗号化
pit-provisional = 暗号化(確認中)
pit-relay = 透過中継
pit-discard = 破棄
pit-clear = 平文
pit-past = 途中の { $peer }({ $element }、{ $mode })は { $age } 前に「透過中継する」と報告

error-site-mode = サイトモードを開始できません。
    .why = { $detail }
    .fix = nftables を入れて root でノードを起動するか、kumi.toml から `ip.site` を取り除いてください。

group-lines-none = 使える行はありません。
group-lines-uses = 残り回数
group-line-withdrawn = 行 { $id } はもう使えません。
