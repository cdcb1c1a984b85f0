"""Names of columns and words in cells as shops' systems write them. Data only.

Amounts are in yuan unless the name ends in _fen. Several words stand in one line, parted by |.
"""

_ALIASES = {
    "order_no": "订单号|订单编号|平台订单号|单号|订单 ID|order number|order id|order",
    "product_code": "商品编号|商品编码|产品编号|商品 ID|SKU|product id|sku code",
    "product_name": "商品|商品名称|产品名称|产品|商品标题|名称|product|product title|item",
    "product_kind": "商品类型|到账类型|充值类型|产品类型|kind|product type",
    "arrival_within": "承诺到账时间|到账时限|到账时效|承诺到账|arrival",
    "target_account": (
        "充值账号|充值帐号|充值号码|充值手机号|账号|帐号|手机号|手机号码|account|"
        "recharge account|phone account|target"
    ),
    "face_value": "面值|面额|商品面值|充值金额|充值面值|面值（元）|face value yuan",
    "price": (
        "售价|价格|订单金额|应付金额|金额|售价（元）|订单金额（元）|金额（元）|price yuan|"
        "amount|order amount|total"
    ),
    "paid_amount": (
        "实付金额|实付|支付金额|付款金额|实收金额|实付金额（元）|支付金额（元）|paid|"
        "paid amount yuan|payment amount"
    ),
    "delivered_face_value": "到账金额|已到账金额|到账面值|delivered amount",
    "face_value_fen": "面值（分）",
    "price_fen": "售价（分）|价格（分）|订单金额（分）|金额（分）",
    "amount_fen": "实付金额（分）|支付金额（分）|paid_fen|paid_amount_fen",
    "delivered_face_fen": "到账金额（分）",
    "customer_name": "客户姓名|姓名|买家姓名|买家|联系人|customer|buyer name",
    "customer_phone": "联系电话|联系手机|买家手机|客户手机|手机|电话|phone|mobile|contact phone",
    "customer_email": "邮箱|电子邮箱|联系邮箱|email|e-mail|mail",
    "buyer_ref": "买家编号|买家账号|用户编号|会员编号|会员 ID|用户 ID|buyer id|user id|buyer",
    "reseller": "代理|是否代理|分销|代理商|is reseller",
    "supplier": "供货商|上游|供应商|渠道商|supplier code",
    "status": "状态|订单状态|充值状态|order status|state",
    "channel": "支付方式|支付渠道|付款方式|支付通道|payment method|payment channel|pay channel",
    "channel_trade_no": (
        "支付流水号|交易号|支付宝交易号|微信支付单号|交易流水号|渠道流水号|支付单号|"
        "trade number|trade no|transaction id"
    ),
    "merchant_trade_no": "商户订单号|商户流水号|商户交易号|商户单号|out trade no",
    "paid_at": "支付时间|付款时间|交易时间|pay time|payment time|paid time",
    "payment_status": "支付状态|付款状态|pay status",
    "confirmed_input": "已确认账号|用户已确认|是否确认|confirmed",
    "rule_version": "规则版本|协议版本",
    "facts_as_of": "数据时间|导出时间|更新时间|as of|updated at|exported at",
    "code_revealed_at": "查看卡密时间|卡密查看时间|提卡时间",
}

#: What cells of these fields say, simplified as headers are, by what it means here.
_VALUES = {
    "status": {
        "awaiting_payment": "待支付|未支付|待付款|未付款|unpaid|awaitingpayment",
        "paid": "已支付|已付款|支付成功|待充值|待处理|支付成功待充值|待发货|paid",
        "recharging": "充值中|处理中|发货中|recharging|processing",
        "delivered": "充值成功|已到账|成功|已完成|已发货|delivered|success|succeeded",
        "partially_delivered": "部分到账|部分成功|partiallydelivered|partial",
        "failed": "充值失败|失败|failed|fail",
        "unknown": "状态未明|未知|异常|unknown",
    },
    "product_kind": {
        "instant": "即时|即时到账|快充|秒充|instant|fast",
        "slow": "慢充|slow",
        "presale": "预售|限时兑换|presale",
    },
    "channel": {
        "alipay": "支付宝|alipay",
        "wechatpay": "微信|微信支付|wechat|wechatpay|weixin",
        "shop": "余额|余额支付|站内余额|钱包|shop",
        "sandbox": "沙箱|sandbox",
        "offline": "线下|线下转账|银行转账|转账|offline",
    },
    "payment_status": {
        "paid": "已支付|支付成功|成功|已付款|paid|success",
        "pending": "待支付|未支付|pending",
        "failed": "支付失败|失败|failed",
    },
}

ALIASES: dict[str, tuple[str, ...]] = {
    name: tuple(words.split("|")) for name, words in _ALIASES.items()
}
VALUES: dict[str, dict[str, str]] = {
    name: {word: meaning for meaning, words in meanings.items() for word in words.split("|")}
    for name, meanings in _VALUES.items()
}
