## `kumi group` for locked groups: only so many of their admins admit.

cmd-group-key = 施錠グループの管理者の鍵
    .long =
        施錠グループの所属者は、そのグループの管理者だけを信じます。管理サーバが誰かを
        入れることはできません。管理者の鍵は、それぞれの機器で作り、そこから出しません。
    .examples =
        kumi group key new     作る。パスフレーズで封をする
        kumi group key show    公開側を表示する
cmd-group-key-new = 管理者の鍵を作り、公開側を表示する
    .long =
        公開側(kumikey1.…)を、グループを作る人に渡します。鍵は状態ディレクトリの admin.key
        か --key-file の場所に、必ずパスフレーズで封をして置かれます。写しを別の場所に保管
        してください。誰が加入を許すかは、後から変えられません。
    .examples =
        kumi group key new                            状態ディレクトリに作る
        kumi group key new --key-file /media/key/me    USB メモリに作る
cmd-group-key-show = 管理者の鍵の公開側を表示する
    .long = パスフレーズを聞きます。
    .examples = kumi group key show    kumikey1.… を表示する
cmd-group-pending = 管理者の署名を待つものを表示する
    .long =
        施錠グループのメンバーは、必要な人数の管理者が署名したときに加入します。そこでの役割
        (`kumi group role`)も、グループの規則も同じです。
    .examples =
        kumi group pending           人が読む形
        kumi group pending --json    プログラム用。署名する内容も含む
cmd-group-request = メンバーや規則について管理者が署名する内容を表示する
    .long =
        表示される kumiask1.… は秘密ではありません。管理者それぞれに届け、内容を読んで署名
        してもらいます(`kumi group sign`)。署名は `kumi group approve` で持ち帰ります。
    .examples =
        kumi group request ada vault        グループ "vault" の管理者に届けるもの
        kumi group request --rules vault    その規則(`kumi group rules vault FILE` の後で)
cmd-group-sign = 署名を求められた内容を読み、署名する
    .long =
        何を求められているかを言葉で示し、確認してから署名します。鍵のある機器で実行します。
        ノードは要らず、どこにも通信しません。
    .examples =
        kumi group sign kumiask1.…                               読んで、確認して、署名する
        kumi group sign kumiask1.… --key-file /media/key/me      USB メモリの鍵で署名する
        kumi group sign kumiask1.… --yes --passphrase-file FILE    読んだうえでスクリプトから
cmd-group-approve = 管理者の署名をサーバに届ける
    .long =
        必要な人数が署名すると、メンバーは加入し、役割や規則は有効になります。署名は署名された
        内容で効くので、誰が届けても同じです。
    .examples =
        kumi group approve kumisig1.…                署名を1つ
        kumi group approve kumisig1.… kumisig1.…     署名を2つ
cmd-group-offer = 管理者がいなくても加入できる行を準備する
    .long =
        LINE は、サーバの `kumi group add` か `kumi group invite` が、1つの施錠グループについて
        表示した行です。この機器がサーバの知らない鍵を作り、その鍵で誰を入れてよいかという、
        管理者が署名する内容を表示します。管理者の機器で実行し、同じ機器で
        `kumi group complete` を実行します。
    .examples =
        kumi group offer kumi1:AgwAAA…                               行が指すメンバーのため
        kumi group offer kumi1:AgwAAA… --name gate --behind 10.2.0.0/16    この名前のルータ
        kumi group offer kumi1:AgwAAA… --role staff                  役割が "staff" の機器のため
        kumi group offer kumi1:AgwAAA… --several                     複数の機器のため
cmd-group-complete = 管理者の署名を行に入れる
    .long =
        必要な数がそろうと、新しい機器のための行を表示します(`kumi join LINE`)。最初に使った
        機器がメンバーになるので、行は秘密です。
    .examples = kumi group complete kumisig1.… kumisig1.…    行を表示する

arg-request = 署名する内容: kumiask1.…
arg-signature = 管理者の署名: kumisig1.…
arg-line-locked = 1つの施錠グループのための、サーバの行
opt-locked = メンバーごとに署名が必要な管理者の数。グループは施錠され、後から変えられない
opt-admin-key = 管理者の鍵の公開側(`kumi group key new` が示す kumikey1.…)。1～16 個
opt-key-file = 管理者の鍵のファイル(省略すると状態ディレクトリの admin.key)
opt-rules = 規則に署名するグループ
opt-yes = 確認せずに署名する(内容は読んだ)
opt-name = 機器の名前
opt-several = 複数の機器が行を使える。省略すると1台
expected-locked = 1 から管理者の鍵の数までの数と、1～16 個の鍵
expected-request = kumiask1. で始まり、最後まで写した文字列
expected-signature = kumisig1. で始まり、最後まで写した文字列
expected-member-role = 8 個までの役割。それぞれ空白とドットのない 1～32 バイトで、* ではないもの
expected-member-name = 空白とドットのない 1～63 バイトの名前

label-groups = グループ
groups-locked = (施錠: { $all } 人中 { $need } 人)
groups-pending = { $member }(管理者の署名待ち)
group-created-locked = { $count ->
       *[other] 施錠されています。メンバーごとに、管理者 { $all } 人中 { $need } 人の署名が必要です。このサーバにできるのは外すことだけです。
    }
group-created-member-locked = { $count ->
       *[other] このノードは { $member } という名前で、管理者の署名を待っています: kumi group pending
    }
group-key-where = { $file } にある鍵の公開側です。グループを作る人に渡してください: kumi group create NAME --locked K --admin-key …
group-pending-none = 署名を待つものはありません。
group-pending-what = 内容
group-pending-signed = 署名
group-pending-enters = 加入
group-pending-enters-as = 加入(役割: { $roles })
group-pending-becomes = 役割が { $roles } になる
group-pending-none-more = 役割がなくなる
group-pending-rules = { $count ->
       *[other] 規則 { $count } 個
    }
group-pending-no-rules = 規則がなくなる
group-pending-next = 管理者が署名する内容: kumi group request MEMBER GROUP
group-pending-next-rules = 規則について管理者が署名する内容: kumi group request --rules GROUP
group-added-pending = { $member } は { $groups } の管理者の署名を待っています: kumi group request { $member } GROUP
group-request-next = 管理者に届けてください。それぞれで実行: kumi group sign kumiask1.…
group-sign-next-admission = 署名しました。サーバに届けてください: kumi group approve kumisig1.…
group-sign-next-invite = 署名しました。行を準備した機器に届けてください: kumi group complete kumisig1.…
group-approved = { $member } は { $group } に加入しました。
group-approved-more = { $member } に署名した管理者は { $need } 人中 { $have } 人です。まだ { $group } に加入していないか、前のままです。
group-approved-rules = { $group } の規則は有効になりました。つながっているメンバーには知らせました。
group-approved-rules-more = { $group } の規則に署名した管理者は { $need } 人中 { $have } 人です。まだ有効ではありません。
group-rules-asked = { $group } の規則は管理者の署名を待っています: kumi group request --rules { $group }
group-rules-pending = # 別の規則が管理者の署名を待っています: kumi group pending
group-role-asked = { $group } では、管理者が署名するまで前のままです: kumi group request { $member } { $group }
group-offer-next = 管理者に届けてください。それぞれで実行: kumi group sign kumiask1.…  その後ここで: kumi group complete kumisig1.…
group-complete-more = 署名した管理者は { $need } 人中 { $have } 人です。まだ誰も加入できません。残りを届けてください: kumi group complete kumisig1.…
group-complete-once = { $until } まで、1回だけ、管理者がいなくても使えます。新しい機器で実行: kumi join LINE
group-complete-several = { $until } まで、複数の機器が、管理者がいなくても使えます。それぞれの機器で実行: kumi join LINE
join-group-pending = サーバはこのノードを { $name } として登録しました。施錠グループの管理者が署名するまで、どのグループにも加入していません。ここですることは、ほかにありません。

sign-title-admission = 次の機器を、外されるまで、施錠グループに入れることを求められています:
sign-title-invite = 行を持つ者を、再び確認することなく、施錠グループに入れることを求められています:
sign-title-rules = 施錠グループのメンバーが互いに使えるものを決めるよう求められています:
sign-roles = 役割
sign-number = 番号
sign-permit = 使えるもの
sign-permit-words = { $number }. { $from }は、{ $to }の { $services }
sign-everything = すべて
sign-anybody = すべてのメンバー
sign-role = 役割が { $role } のメンバー
sign-rest = ほかのもの
sign-rest-closed = 使えません。ここにないものは何も使えず、返答だけが届きます
sign-rest-all-closed = 使えません。メンバーは互いに何も使えません
sign-rest-open = 使えます。規則はなくなり、どのメンバーも互いにすべてを使えます
sign-rules-ahead = 注意: この規則の番号は、この機器の時計よりずっと先です。置き換えられるのは、より大きな番号の規則だけです。
sign-group = グループ(サーバの呼び名)
sign-id = グループの ID
sign-locked = 施錠
sign-locked-of = 管理者 { $all } 人中 { $need } 人
sign-member = メンバー
sign-address = アドレス
sign-kind = 種類
sign-mode = モード
sign-behind = 背後にあるもの
sign-site = 守るアドレス
sign-asked = 依頼
sign-how-many = 台数
sign-once = 1台
sign-several = 複数
sign-any-name = 空いている名前なら何でも
sign-any-mode = 種類に応じた通常のもの
sign-valid = 有効期間
sign-from-until = { $from } から { $until } まで
sign-invite-key = 行の鍵
sign-nothing = なし
sign-ges = GES(ホストのソフトウェア)
sign-gen = GEN(ルータ)
sign-gea = GEA(サーバの手前のアダプタ)
sign-other-group = 注意: { $group } と呼ばれる別のグループ({ $other })に署名したことがあります。呼び名はサーバが自由に付けます。確かなのは ID です。
sign-other-name = 注意: 前に署名したとき、サーバはこのグループを { $other } と呼んでいました。
sign-ask = 署名するなら「はい」と入力:
sign-yes = はい

error-not-pending = { $member } は { $group } への署名を待っていません。
    .why = すでに加入しているか、機器がまだ来ていないか、名前のつづりが違います。
    .fix = `kumi group pending` で署名待ちを、`kumi group list` で加入者を確かめてください。
error-rules-not-pending = { $group } の規則で署名を待つものはありません。
    .why = すでに有効か、求められていないか、施錠グループでないか、名前のつづりが違います。
    .fix = `kumi group pending` で署名待ちを、`kumi group rules { $group }` で有効な規則を確かめてください。
error-not-signed = { $problem ->
        [not-an-admin] この鍵は、そのグループの管理者の鍵ではありません。
        [unknown] この版では示せない内容を求めています。
       *[other] 2つのグループの内容が混ざっています。
    }
    .why = { $problem ->
        [not-an-admin] 署名しても数えられません。
        [unknown] 読めないものに署名はできません。
       *[other] 中の文が、示されたものとは別のグループのものです。
    }
    .fix = { $problem ->
        [not-an-admin] グループを作るときに公開側を渡した鍵を使ってください: --key-file FILE
        [unknown] この機器の kumi を更新してください。
       *[other] サーバで作り直してもらってください: `kumi group request MEMBER GROUP`
    }
error-sign-unasked = 署名していません。確認できませんでした。
    .why = 確認のための端末がありません。
    .fix = 内容を読んで、--yes を付けてください。
error-sign-no = 署名していません。
    .why = 確認されませんでした。
    .fix = 内容に間違いがなければ、もう一度実行して「はい」と入力してください。
error-line-unlocked = 1つの施錠グループのための行ではありません。
    .why = サーバだけで加入を許すグループか、複数のグループの行か、すでに完成した行です。
    .fix = `kumi group add NAME GROUP` か `kumi group invite GROUP` が1つの施錠グループについて表示した行を渡してください。
error-signatures-mixed = 署名の対象がそろっていません。
    .why = 行は、その行のために求めた署名で完成します。
    .fix = 1つの行の署名だけを渡してください。
error-no-offer = この署名を待つものは、この機器にはありません。
    .why = 別の機器やアカウントで準備した行か、すでに完成しているか、メンバーのための署名です(その場合はサーバに届けます)。
    .fix = `kumi group offer` を実行した場所で `kumi group complete` を実行してください。メンバーの場合は、サーバで `kumi group approve` です。
error-signature-wrong = 正しくない署名があります。
    .why = グループの管理者がこの行のために作ったものではありません。
    .fix = `kumi group offer` が表示した内容で、作り直してもらってください: `kumi group sign`
api-lock-key = { $key } は管理者の鍵の公開側ではありません。
    .why = kumikey1. で始まっていないか、最後まで写されていません。
    .fix = 管理者の機器で `kumi group key show` が表示するものを写してください。
api-signature-text = 管理者の署名ではありません。
    .why = kumisig1. で始まっていないか、最後まで写されていません。
    .fix = 管理者の機器で `kumi group sign` が表示したものを写してください。
